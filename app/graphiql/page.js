// Sets up GraphiQL with the explorer, the examples, deep links and the fetcher.
// Calls React directly, because the page is served without a build step; `h` creates an element.
(() => {
  "use strict";

  const { React, ReactDOM, GraphiQL, GraphiQLPluginExplorer } = window;
  if (!GraphiQL || !GraphiQLPluginExplorer) {
    document.querySelector("[role=status]").textContent = "GraphiQL could not be loaded. Reload the page.";
    return;
  }
  const h = React.createElement;
  const { PenIcon, ToolbarButton, useEditorContext } = GraphiQL.React;

  // The bundle's scroll lock adds a <style> when a menu or a dialog opens. The content security
  // policy blocks it, and this page never scrolls, so give the lock an inert element instead.
  const createElement = document.createElement.bind(document);
  document.createElement = (name, options) =>
    createElement(String(name).toLowerCase() === "style" ? "template" : name, options);

  const storage = GraphiQL.createLocalStorage({ namespace: "ticket-ops" });
  const firstVisit = !storage.getItem("graphiql:tabState");
  // Give the panel a quarter of the width instead of a third, until the user drags it.
  if (firstVisit) storage.setItem("graphiql:docExplorerFlex", "0.4");

  // ---------------------------------------------------------------- examples

  // One ticket id for all examples of this browser, so that each builds on the one before.
  function exampleId() {
    const stored = storage.getItem("exampleId");
    if (stored) return stored;
    const [number] = crypto.getRandomValues(new Uint32Array(1));
    const id = `demo-${number.toString(36).padStart(7, "0")}`;
    storage.setItem("exampleId", id);
    return id;
  }

  const examples = JSON.parse(document.getElementById("examples").textContent).map(
    ({ title, query, variables }) => ({
      title,
      query,
      variables: variables.replaceAll("{id}", exampleId()),
      about: query.split("\n")[1].replace(/^# /, ""),
    }),
  );
  const firstTabs = examples.slice(0, 4).map(({ query, variables }) => ({ query, variables }));

  function Examples() {
    const { addTab, queryEditor, variableEditor } = useEditorContext({ nonNull: true });
    const open = ({ query, variables }) => {
      // Render now, because otherwise the text would go to the old tab.
      ReactDOM.flushSync(() => addTab());
      queryEditor.setValue(query);
      variableEditor.setValue(variables);
      queryEditor.focus();
    };
    return h(
      "section",
      { className: "examples", "aria-label": "Examples" },
      h("h2", null, "Examples"),
      h("p", null, "Each example opens in a new tab. All use the ticket ", h("code", null, exampleId()), "."),
      h(
        "ol",
        null,
        examples.map((example) =>
          h(
            "li",
            { key: example.title },
            h("button", { type: "button", onClick: () => open(example) }, example.title),
            h("p", null, example.about),
          ),
        ),
      ),
      h("h2", null, "Access"),
      h(
        "p",
        null,
        "If the server requires authentication, put this under Headers with your token, and fetch the schema again:",
      ),
      h("pre", null, h("code", null, '{"Authorization": "Bearer …"}')),
    );
  }

  // -------------------------------------------------------------- deep links

  // /graphql?q={viewer{name}}&variables={} fills the editor. A link does not run anything.
  const link = new URLSearchParams(location.search);
  const linked = link.get("q") ?? link.get("query");
  const start =
    linked !== null
      ? { query: linked, variables: link.get("variables") ?? "" }
      : firstVisit
        ? firstTabs[0]
        : {};
  // GraphiQL stores the tab: a reload shows its current text instead of the link.
  if (linked !== null) history.replaceState(null, "", location.pathname);

  function LinkButton() {
    const { queryEditor, variableEditor } = useEditorContext({ nonNull: true });
    const [label, setLabel] = React.useState("Link to this query");
    const share = async () => {
      const url = new URL(location.pathname, location.origin);
      url.searchParams.set("q", queryEditor.getValue());
      if (variableEditor.getValue().trim()) {
        url.searchParams.set("variables", variableEditor.getValue());
      }
      history.replaceState(null, "", url);
      try {
        await navigator.clipboard.writeText(url.href);
        setLabel("Link copied");
      } catch {
        setLabel("The link is in the address bar");
      }
      setTimeout(() => setLabel("Link to this query"), 3000);
    };
    return h(
      ToolbarButton,
      { label, onClick: share },
      h(
        "svg",
        { className: "graphiql-toolbar-icon link-icon", viewBox: "0 0 24 24", "aria-hidden": true },
        h("path", { d: "M9.5 14.5l5-5M11 7l2-2a4.2 4.2 0 0 1 6 6l-2 2M13 17l-2 2a4.2 4.2 0 0 1-6-6l2-2" }),
      ),
    );
  }

  // By default, the editors lack an accessible name, capture the Tab key (WCAG 2.2, 2.1.2: no
  // keyboard trap) and truncate long lines.
  function useAccessibleEditor(editor, name) {
    React.useEffect(() => {
      if (!editor) return;
      editor.getInputField().setAttribute("aria-label", name);
      editor.setOption("extraKeys", {
        ...editor.getOption("extraKeys"),
        Tab: false,
        "Shift-Tab": false,
      });
      editor.setOption("lineWrapping", true);
    }, [editor, name]);
  }

  function AccessibleEditors() {
    const context = useEditorContext({ nonNull: true });
    useAccessibleEditor(context.queryEditor, "Operation");
    useAccessibleEditor(context.variableEditor, "Variables");
    useAccessibleEditor(context.headerEditor, "Headers");
    useAccessibleEditor(context.responseEditor, "Response");
    return null;
  }

  // ----------------------------------------------------------------- the API

  // The same origin and path, which also works behind a proxy that adds a prefix.
  const socket = new URL(location.pathname, location.href);
  socket.protocol = socket.protocol.replace("http", "ws");

  async function fetchOrReport(url, options) {
    try {
      return await fetch(url, options);
    } catch {
      return Response.json({ errors: [{ message: "The server did not respond. Check that it is running." }] });
    }
  }

  const send = GraphiQL.createFetcher({
    url: location.pathname,
    subscriptionUrl: socket.href,
    headers: { accept: "application/json" },
    enableIncrementalDelivery: false,
    fetch: fetchOrReport,
  });

  // Right after a change of tabs, GraphiQL still sends the operation name of the former tab.
  function fetcher(request, options) {
    let document;
    try {
      document = GraphiQL.GraphQL.parse(request.query);
    } catch {
      return send(request, options);
    }
    const operations = document.definitions.filter(({ kind }) => kind === "OperationDefinition");
    const operationName =
      operations.length === 1 ? operations[0].name?.value : request.operationName;
    return send({ ...request, operationName }, { ...options, documentAST: document });
  }

  // ---------------------------------------------------------------- the page

  const explorer = { ...GraphiQLPluginExplorer.explorerPlugin(), title: "Explorer" };
  const icon = document.querySelector("link[rel=icon]").href;
  const examplesPanel = { title: "Examples", icon: PenIcon, content: Examples };

  ReactDOM.createRoot(document.getElementById("graphiql")).render(
    h(
      GraphiQL,
      {
        ...start,
        fetcher,
        storage,
        defaultTabs: linked !== null ? [start, ...firstTabs] : firstTabs,
        // A space, because with an empty tab the explorer would keep the query of the former tab.
        defaultQuery: " ",
        defaultEditorToolsVisibility: true,
        inputValueDeprecation: true,
        schemaDescription: true,
        plugins: [explorer, examplesPanel],
        visiblePlugin: firstVisit && innerWidth >= 1000 ? explorer : undefined,
        toolbar: { additionalContent: [h(LinkButton, { key: "link" }), h(AccessibleEditors, { key: "editors" })] },
      },
      h(GraphiQL.Logo, null, h("span", { className: "logo" }, h("img", { src: icon, alt: "", width: 24, height: 24 }), h("span", null, "Ticket OPS"))),
    ),
  );
})();
