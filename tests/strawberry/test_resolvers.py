"""Resolvers of every form in Strawberry's manual, and everything that is wrapped around them."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
import strawberry
from strawberry.dataloader import DataLoader
from strawberry.exceptions import StrawberryGraphQLError
from strawberry.extensions import FieldExtension
from strawberry.extensions.field_extension import AsyncExtensionResolver, SyncExtensionResolver
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.schema.config import StrawberryConfig

from tests.strawberry.running import Case, Registry, by_engine, by_strawberry

CASES = Registry()


class Never(BasePermission):
    message = "Nobody may see this."
    error_extensions = {"code": "FORBIDDEN"}  # noqa: RUF012  # as in the manual

    def has_permission(
        self, source: Any, info: strawberry.Info, **kwargs: Any
    ) -> bool:  # the manual's signature
        return False


class OnlyAda(BasePermission):
    message = "Only Ada may see this."

    async def has_permission(
        self, source: Any, info: strawberry.Info, **kwargs: Any
    ) -> bool:  # as above
        await asyncio.sleep(0)
        return kwargs.get("name") == "Ada"


class UpperCase(FieldExtension):
    def resolve(
        self, next_: SyncExtensionResolver, source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        return str(next_(source, info, **kwargs)).upper()


class UpperCaseAsync(FieldExtension):
    async def resolve_async(
        self, next_: AsyncExtensionResolver, source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        return str(await next_(source, info, **kwargs)).upper()


class OwnInfo(strawberry.Info[Any, Any]):
    @property
    def shout(self) -> str:
        return self.field_name.upper()


@strawberry.type
class Author:
    name: str
    secret: strawberry.Private[str] = "kept"  # noqa: S105  # not a password

    @strawberry.field
    def greeting(self) -> str:
        return f"Hello, {self.name}"

    @strawberry.field
    def initial(self, dots: int = 1) -> str:
        return self.name[0] + "." * dots

    @strawberry.field
    def told(self) -> str:
        return self.secret.upper()


ADA = Author(name="Ada")
AUTHOR = "{ author { name greeting told a: initial b: initial(dots: 3) } }"


@CASES.add("a method with self", AUTHOR)
def _method() -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        def author(self) -> Author:
            return ADA

    return Query


@CASES.add("a function as the resolver, whose type is its annotation", AUTHOR)
def _function() -> type:
    def find() -> Author:
        return ADA

    @strawberry.type
    class Query:
        author: Author = strawberry.field(resolver=find)

    return Query


@CASES.add("a static method, a class method and a lambda", "{ a b c }")
def _methods_of_the_class() -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        @staticmethod
        def a() -> str:
            return "static"

        @strawberry.field
        @classmethod
        def b(cls) -> str:
            return cls.__name__

        c: str = strawberry.field(resolver=lambda: "lambda")

    return Query


@CASES.add("the parent by annotation, by the name root and as self", "{ author { a b c } }")
def _parents() -> type:
    def by_annotation(whoever: strawberry.Parent[Any]) -> str:
        return str(whoever.name)

    def by_name(root: Any) -> str:
        return str(root.name)

    def as_self(self: Any) -> str:
        return str(self.name)

    @strawberry.type
    class Writer:
        name: str
        a: str = strawberry.field(resolver=by_annotation)
        b: str = strawberry.field(resolver=by_name)
        c: str = strawberry.field(resolver=as_self)

    @strawberry.type
    class Query:
        @strawberry.field
        def author(self) -> Writer:
            return Writer(name="Ada")

    return Query


@CASES.add(
    "the info under another name, with all that it has",
    """
    query Find($n: Int!) {
      list: items(n: $n) { path fieldName pythonName parts schema operation variables arguments }
    }
    """,
    {"n": 2},
)
def _info() -> type:
    @strawberry.type
    class Item:
        @strawberry.field
        def path(self, it: strawberry.Info) -> list[str]:
            return [str(key) for key in it.path.as_list()]

        @strawberry.field
        def field_name(self, it: strawberry.Info) -> str:
            return it.field_name

        @strawberry.field
        def python_name(self, it: strawberry.Info) -> str:
            return it.python_name

        @strawberry.field
        def parts(self, it: strawberry.Info) -> list[str]:
            return [field.name for field in it.selected_fields]  # type: ignore[union-attr]  # all are fields

        @strawberry.field
        def schema(self, it: strawberry.Info) -> str:
            return type(it.schema).__name__ + str(it.return_type)

        @strawberry.field
        def operation(self, it: strawberry.Info) -> str:
            return f"{it.operation.operation.value} {it.root_value} {len(it.query or '')}"

        @strawberry.field
        def variables(self, it: strawberry.Info) -> str:
            return repr(it.variable_values)

        @strawberry.field
        def arguments(self, it: strawberry.Info, n: int = 1) -> str:
            definition = it.get_argument_definition("n")
            assert definition is not None
            return f"{definition.python_name} {n}"

    @strawberry.type
    class Query:
        @strawberry.field
        def items(self, n: int, told: strawberry.Info) -> list[Item]:
            selected = [field.name for field in told.selected_fields[0].selections]  # type: ignore[union-attr]  # as above
            assert "fieldName" in selected
            return [Item() for _ in range(n)]

    return Query


@CASES.add("an info class of the schema's own", "{ name }")
def _info_class() -> strawberry.Schema:
    @strawberry.type
    class Query:
        @strawberry.field
        def name(self, info: OwnInfo) -> str:
            return info.shout

    return strawberry.Schema(Query, config=StrawberryConfig(info_class=OwnInfo))


@CASES.add("the context", "{ name }")
def _context() -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        def name(self, info: strawberry.Info[SimpleNamespace, None]) -> str:
            return str(info.context.name)

    return Query


@CASES.add("a permission class that refuses", "{ secret open }")
def _permission() -> type:
    @strawberry.type
    class Query:
        open: str = strawberry.field(resolver=lambda: "open")

        @strawberry.field(permission_classes=[Never])
        def secret(self) -> str | None:
            return "secret"

    return Query


@CASES.add("a permission class over a field without a resolver", "{ author { name secret } }")
def _permission_of_attribute() -> type:
    @strawberry.type
    class Spy:
        name: str
        secret: str | None = strawberry.field(default="secret", permission_classes=[Never])

    @strawberry.type
    class Query:
        @strawberry.field
        def author(self) -> Spy:
            return Spy(name="Ada")

    return Query


@CASES.add("an asynchronous permission with the arguments", '{ a(name: "Ada") b: a(name: "Bob") }')
def _async_permission() -> type:
    @strawberry.type
    class Query:
        @strawberry.field(permission_classes=[OnlyAda])
        async def a(self, name: str) -> str | None:
            return name

    return Query


@CASES.add("a permission that fails silently", "{ names name }")
def _silent_permission() -> type:
    @strawberry.type
    class Query:
        @strawberry.field(extensions=[PermissionExtension([Never()], fail_silently=True)])
        def names(self) -> list[str]:
            return ["secret"]

        @strawberry.field(extensions=[PermissionExtension([Never()], fail_silently=True)])
        def name(self) -> str | None:
            return "secret"

    return Query


@CASES.add("field extensions, synchronous and not", "{ a b c { name } }")
def _field_extensions() -> type:
    @strawberry.type
    class Loud:
        name: str = strawberry.field(default="ada", extensions=[UpperCase()])

    @strawberry.type
    class Query:
        c: Loud = strawberry.field(resolver=Loud)

        @strawberry.field(extensions=[UpperCase()])
        def a(self) -> str:
            return "a"

        @strawberry.field(extensions=[UpperCaseAsync()])
        async def b(self) -> str:
            return "b"

    return Query


@CASES.add("asynchronous resolvers", "{ author { friend { name } friends { name } } }")
def _async() -> type:
    @strawberry.type
    class Friendly:
        name: str

        @strawberry.field
        async def friend(self) -> Author:
            await asyncio.sleep(0)
            return ADA

        @strawberry.field
        async def friends(self) -> list[Author]:
            await asyncio.sleep(0)
            return [ADA, Author(name="Bob")]

    @strawberry.type
    class Query:
        @strawberry.field
        async def author(self) -> Friendly:
            return Friendly(name="Ada")

    return Query


@CASES.add("an asynchronous iterator as a list", "{ numbers }")
def _async_list() -> type:
    async def numbers() -> AsyncIterator[int]:
        for number in range(3):
            yield number

    def find() -> Any:
        return numbers()

    @strawberry.type
    class Query:
        numbers: list[int] = strawberry.field(resolver=find)

    return Query


@CASES.add("a data loader", "{ a: author(id: 1) { name } b: author(id: 2) { name } }")
def _loader() -> type:
    async def load(keys: list[int]) -> list[Author]:
        return [Author(name=f"{key} of {len(keys)}") for key in keys]

    @strawberry.type
    class Query:
        @strawberry.field
        async def author(self, info: strawberry.Info[SimpleNamespace, None], id: int) -> Author:
            if not hasattr(info.context, "loader"):
                info.context.loader = DataLoader(load)
            found: Author = await info.context.loader.load(id)
            return found

    return Query


@CASES.add("errors: raised, with extensions, of a non-null field, of an item", "{ a b c { d } e }")
def _errors() -> type:
    def fail() -> str:
        message = "It failed."
        raise ValueError(message)

    def fail_with_code() -> str:
        raise StrawberryGraphQLError("It failed.", extensions={"code": "BROKEN"})

    @strawberry.type
    class Strict:
        d: str = strawberry.field(resolver=fail)

    @strawberry.type
    class Query:
        a: str | None = strawberry.field(resolver=fail)
        b: str | None = strawberry.field(resolver=fail_with_code)
        c: Strict | None = strawberry.field(resolver=Strict)

        @strawberry.field
        def e(self) -> list[int | None]:
            return [1, "x", None]  # type: ignore[list-item]  # one item is wrong

    return Query


@CASES.add("null in a non-null field", "{ a }")
def _null() -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        def a(self) -> str:
            return None  # type: ignore[return-value]  # that is the point

    return Query


@CASES.add("mutations in their order", "mutation { a: add(n: 1) b: add(n: 2) c: add(n: 3) }")
def _mutations() -> strawberry.Schema:
    added: list[int] = []

    @strawberry.type
    class Query:
        name: str = "x"

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        async def add(self, n: int) -> list[int]:
            await asyncio.sleep(0)
            added.append(n)
            return list(added)

    return strawberry.Schema(Query, Mutation)


@strawberry.type
class Problem:
    message: str


class Reported(strawberry.ExceptionHandler[ValueError, Problem]):
    def handle(self, exception: ValueError, *, field: Any, info: strawberry.Info) -> Problem:
        return Problem(message=f"{info.field_name}: {exception}")


@CASES.add(
    "an exception handler of the schema",
    "{ find { ... on Author { name } ... on Problem { message } } other }",
)
def _exception_handler() -> strawberry.Schema:
    def fail() -> Any:
        message = "It failed."
        raise ValueError(message)

    @strawberry.type
    class Query:
        find: Annotated[Author | Problem, strawberry.union("Found")] = strawberry.field(
            resolver=fail
        )
        other: str | None = strawberry.field(resolver=fail)

    return strawberry.Schema(Query, exception_handlers=[Reported()])


@CASES.add("a default resolver of the schema's own", "{ author { name } }")
def _default_resolver() -> strawberry.Schema:
    @strawberry.type
    class Query:
        @strawberry.field
        def author(self) -> Author:
            return {"name": "of a dictionary"}  # type: ignore[return-value]  # what the resolver reads

    def read(source: Any, name: str) -> object:
        return source[name] if isinstance(source, dict) else getattr(source, name)

    return strawberry.Schema(Query, config=StrawberryConfig(default_resolver=read))


@CASES.add("a field without a resolver at the root", "{ name }")
def _no_resolver() -> type:
    @strawberry.type
    class Query:
        name: str = "x"

    return Query


@pytest.mark.parametrize("shortcuts", [True, False], ids=["with shortcuts", "without shortcuts"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_resolver_works_as_in_strawberry(case: Case, shortcuts: bool) -> None:  # noqa: FBT001  # a parameter of the test
    expected = await by_strawberry(case, SimpleNamespace(name="Ada"))
    answer = await by_engine(case, SimpleNamespace(name="Ada"), shortcuts=shortcuts)
    assert answer == expected
