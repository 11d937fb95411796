/** The sample tool APIs: one function a route, from a request to a status and a JSON value. */

import { isObject, parseObject, textOf, type UnknownObject } from "../http/json.ts";
import type { Exchange } from "../http/listen.ts";
import { analyzeCode } from "./analyze-code.ts";
import { calculate } from "./calculate.ts";
import { eventsOf, restaurantsOf, weatherOf } from "./cities.ts";
import { convert } from "./currency.ts";
import type { Ledger } from "./ledger.ts";
import { MAX_RECORDS_BYTES, recordsText } from "./records.ts";
import { search } from "./search.ts";

/** An answer before latency and faults. `delayMs` is the route's own. */
export interface ToolAnswer {
  readonly status: number;
  readonly value: unknown;
  /** The value's JSON text, where it is known already. */
  readonly text?: string;
  readonly delayMs?: number;
}

type Route = (exchange: Exchange, rest: string, ledger: Ledger) => ToolAnswer;

const ok = (value: unknown): ToolAnswer => ({ status: 200, value });
const bad = (message: string): ToolAnswer => ({ status: 400, value: { error: message } });
const missing = (message: string): ToolAnswer => ({ status: 404, value: { error: message } });

/** By method and first path segment. */
const ROUTES: Readonly<Record<string, Route>> = {
  "GET /search": ({ url }) => {
    const query = url.searchParams.get("q") ?? "";
    if (query === "") return bad("q is missing");
    return ok({ query, results: search(query, Number(url.searchParams.get("limit") ?? 5)) });
  },
  "GET /weather": ({ url }, city) =>
    city === ""
      ? bad("the city is missing")
      : ok(weatherOf(city, Number(url.searchParams.get("days") ?? 5))),
  "GET /events": ({ url }) => {
    const city = url.searchParams.get("city") ?? "";
    const from = url.searchParams.get("from") ?? new Date().toISOString().slice(0, 10);
    if (city === "") return bad("city is missing");
    if (!/^\d{4}-\d{2}-\d{2}$/.test(from) || Number.isNaN(Date.parse(from)))
      return bad("from is not a date");
    return ok({ city, from, events: eventsOf(city, from) });
  },
  "GET /restaurants": ({ url }) => {
    const city = url.searchParams.get("city") ?? "";
    if (city === "") return bad("city is missing");
    const cuisine = url.searchParams.get("cuisine");
    return ok({ city, cuisine, restaurants: restaurantsOf(city, cuisine) });
  },
  "GET /currency": ({ url }) => {
    const amount = Number(url.searchParams.get("amount") ?? 1);
    if (!Number.isFinite(amount)) return bad("amount is not a number");
    const done = convert(
      url.searchParams.get("from") ?? "",
      url.searchParams.get("to") ?? "",
      amount,
    );
    return done.ok ? ok(done.value) : missing(done.error);
  },
  "POST /analyze-code": ({ body }) => {
    const input = parseObject(body);
    const source = textOf(input, "source");
    if (source === null) return bad("source is missing");
    const report = analyzeCode(source, textOf(input, "language") ?? "javascript");
    return report.ok ? ok(report.value) : bad(report.error);
  },
  "POST /calculate": ({ body }) => {
    const expression = textOf(parseObject(body), "expression");
    if (expression === null) return bad("expression is missing");
    const value = calculate(expression);
    return value.ok ? ok({ expression, value: value.value }) : bad(value.error);
  },
  "GET /records": (_exchange, rest) => {
    const text = recordsText(Number(rest));
    return text === null
      ? bad(`bytes is not a whole number up to ${MAX_RECORDS_BYTES}`)
      : { status: 200, value: null, text };
  },
  "GET /sleep": sleep,
  "POST /sleep": sleep,
  "POST /ledger": ({ body, request }, _rest, ledger) => {
    const input = parseObject(body);
    const key = request.headers["idempotency-key"];
    const entry = ledger.append(input["entry"] ?? input, typeof key === "string" ? key : null);
    return entry === null
      ? { status: 507, value: { error: "the ledger is full" } }
      : { status: 201, value: entry };
  },
  "GET /ledger": (_exchange, _rest, ledger) => ok({ entries: ledger.entries() }),
  "DELETE /ledger": (_exchange, _rest, ledger) => {
    ledger.clear();
    return ok({ entries: [] });
  },
};

/** Fixed latency for benches: `/sleep/{ms}` answers after that long with what it was asked. */
function sleep({ url, body }: Exchange, rest: string): ToolAnswer {
  const ms = Number(rest);
  if (!Number.isFinite(ms) || ms < 0 || ms > 600_000) return bad("ms is not between 0 and 600000");
  const input: UnknownObject = parseObject(body);
  const n = url.searchParams.get("n") ?? input["n"] ?? null;
  return { status: 200, value: { ms, n }, delayMs: ms };
}

/** Answers with the request itself, so tests can see what reached the tool. */
function echo({ method, url, request, body }: Exchange): ToolAnswer {
  const json = parseObject(body);
  return ok({
    method,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: request.headers,
    body: isObject(json) && Object.keys(json).length > 0 ? json : body,
  });
}

/** The answer to a request, by its method and the first segment of its path. */
export function answerTool(exchange: Exchange, ledger: Ledger): ToolAnswer {
  const [segment, rest] = splitPath(exchange.url.pathname);
  if (segment === "/echo") return echo(exchange);
  const route = ROUTES[`${exchange.method} ${segment}`];
  if (route === undefined) return missing(`no such tool: ${exchange.method} ${segment}`);
  if (rest === null) return bad("the path is not valid UTF-8");
  return route(exchange, rest, ledger);
}

/** The first segment with its slash, and the decoded rest (null when it is not valid percent-encoding). */
export function splitPath(pathname: string): [string, string | null] {
  const [, first = "", ...rest] = pathname.split("/");
  try {
    return [`/${first}`, decodeURIComponent(rest.join("/"))];
  } catch {
    return [`/${first}`, null];
  }
}
