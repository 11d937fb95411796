/**
 * The reference as one page of plain HTML, made from the OpenAPI document: no script, no asset of anybody else.
 *
 * Every text goes through `escape`; the document is our own, but a page that never needs to trust is simpler to trust.
 */

import { isJsonObject, type Json, type JsonObject } from "../platform/canonical-json.ts";

/** The page for `document`. */
export function referencePage(document: JsonObject): string {
  const info = objectAt(document, "info");
  const operations = Object.entries(objectAt(document, "paths")).flatMap(([path, item]) =>
    Object.entries(asObject(item)).map(([method, operation]) =>
      operationHtml(method, path, asObject(operation)),
    ),
  );
  const schemas = Object.entries(objectAt(objectAt(document, "components"), "schemas")).map(
    ([name, schema]) => schemaHtml(name, schema),
  );
  const title = escape(textAt(info, "title"));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${title}</h1>
<p>${escape(textAt(info, "description"))}</p>
<p>The same as a document: <a href="/openapi.json">/openapi.json</a></p>
<h2>Routes</h2>
${operations.join("\n")}
<h2>Bodies</h2>
${schemas.join("\n")}
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border-block-start: 1px solid #8886; padding-block: .75rem; }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
p { margin: .25rem 0; }
pre { overflow: auto; padding: .75rem; background: #8881; font-size: .85rem; }
.method { display: inline-block; min-width: 4.5em; }
`;

function operationHtml(method: string, path: string, operation: JsonObject): string {
  const scope = textAt(operation, "x-scopes");
  const reference = textAt(
    objectAt(
      objectAt(objectAt(objectAt(operation, "requestBody"), "content"), "application/json"),
      "schema",
    ),
    "$ref",
  );
  const body = reference.slice(reference.lastIndexOf("/") + 1);
  return `<section>
<h3><code><span class="method">${escape(method.toUpperCase())}</span>${escape(path)}</code></h3>
<p>${escape(textAt(operation, "summary"))}</p>
<p>${scope === "" ? "No key needed." : `Scope: <code>${escape(scope)}</code>`}${
    body === "" ? "" : ` Body: <a href="#${escape(body)}"><code>${escape(body)}</code></a>`
  }</p>
</section>`;
}

function schemaHtml(name: string, schema: Json): string {
  return `<section id="${escape(name)}">
<h3><code>${escape(name)}</code></h3>
<pre>${escape(JSON.stringify(schema, null, 2))}</pre>
</section>`;
}

function objectAt(object: JsonObject, key: string): JsonObject {
  return asObject(object[key]);
}

function asObject(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function textAt(object: JsonObject, key: string): string {
  const value = object[key];
  return typeof value === "string" ? value : "";
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
