# /// script
# requires-python = ">=3.11"
# dependencies = ["cyclonedx-bom==7.5.0", "cyclonedx-python-lib[json-validation]==11.12.0"]
# ///
"""Write the software bill of materials of the service (CycloneDX 1.6, JSON) to a file.

It lists the packages of requirements.lock and the npm packages whose files the server sends to
browsers, with their hashes. The same lock files always give the same bill.
"""

import base64
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

LOCK = "requirements.lock"
NPM_PACKAGES = Path("app/graphiql/packages.toml")


def main() -> None:
    """Write the bill to the file that the argument names."""
    bill = _python_packages()
    bill["components"] = sorted(
        [*bill.get("components", ()), *_npm_packages()], key=lambda component: component["bom-ref"]
    )
    text = json.dumps(bill, indent=2, sort_keys=True) + "\n"
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        sys.exit(f"The bill of materials is not valid CycloneDX: {error}")
    Path(sys.argv[1]).write_text(text, encoding="utf-8")
    print(f"{sys.argv[1]}: {len(bill['components'])} components")


def _python_packages() -> dict[str, Any]:
    """Return the bill of the lock file, with this project as its subject."""
    options = ["--pyproject=pyproject.toml", "--spec-version=1.6", "--output-format=JSON"]
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", *options]
    done = subprocess.run(  # noqa: S603  # no user input
        [*command, "--output-reproducible", LOCK], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"cyclonedx-py failed:\n{done.stderr}")
    bill: dict[str, Any] = json.loads(done.stdout)
    return bill


def _npm_packages() -> list[dict[str, Any]]:
    packages = tomllib.loads(NPM_PACKAGES.read_text(encoding="utf-8"))["package"]
    return [_npm_component(**package) for package in packages]


def _npm_component(name: str, *, version: str, integrity: str, **_: Any) -> dict[str, Any]:
    algorithm, _, digest = integrity.partition("-")
    purl = f"pkg:npm/{name.replace('@', '%40')}@{version}"
    return {
        "bom-ref": purl,
        "type": "library",
        "name": name,
        "version": version,
        "purl": purl,
        "hashes": [
            {
                "alg": {"sha512": "SHA-512"}[algorithm],
                "content": base64.b64decode(digest).hex(),
            }
        ],
    }


main()
