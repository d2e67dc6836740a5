// Query, create, update and cause a conflict with Go's net/http, over GraphQL and REST.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

type object = map[string]any

func send(method, path string, body any, headers map[string]string) (*http.Response, object) {
	text, err := json.Marshal(body)
	check(err)
	request, err := http.NewRequest(method, os.Getenv("URL")+path, bytes.NewReader(text))
	check(err)
	request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
	request.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	check(err)
	defer response.Body.Close()
	var result object
	check(json.NewDecoder(response.Body).Decode(&result))
	return response, result
}

func execute(query string, input any) object {
	body := object{"query": query, "variables": object{"input": input}}
	_, result := send("POST", "/graphql", body, nil)
	return result["data"].(object)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

const create = `mutation ($input: CreateTicketInput!) {
  createTicket(input: $input) { ticket { id version } }
}`
const update = `mutation ($input: UpdateTicketInput!) {
  updateTicket(input: $input) { ticket { version } errors { code } }
}`

func main() {
	viewer := execute("{ viewer { name } }", nil)["viewer"].(object)
	input := object{
		"subject": "Ä 日本", "description": "",
		"customerName": "N", "customerEmail": "n@example.com",
	}
	ticket := execute(create, input)["createTicket"].(object)["ticket"].(object)
	change := object{"id": ticket["id"], "expectedVersion": 1, "priority": "HIGH"}
	updated := execute(update, change)["updateTicket"].(object)["ticket"].(object)
	failed := execute(update, change)["updateTicket"].(object)["errors"].([]any)

	path := fmt.Sprintf("/tickets/%s", ticket["id"])
	read, body := send("GET", path, nil, nil)
	tag := map[string]string{"If-Match": read.Header.Get("ETag")}
	body["status"] = "closed"
	put, _ := send("PUT", path, body, tag)
	conflict, _ := send("PUT", path, body, tag)
	results, err := json.Marshal(object{
		"viewer": viewer["name"], "created": ticket["version"], "updated": updated["version"],
		"conflict": failed[0].(object)["code"],
		"rest":     []int{read.StatusCode, put.StatusCode, conflict.StatusCode},
	})
	check(err)
	fmt.Println(string(results))
}
