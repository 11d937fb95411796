/** Definitions of the sample tools, as `PUT /v1/tools/{name}` takes them. */

import type { UnknownObject } from "../http/json.ts";

const text = (description: string): UnknownObject => ({ type: "string", description });

function input(properties: UnknownObject, required: readonly string[]): UnknownObject {
  return { type: "object", properties, required, additionalProperties: false };
}

/** Every sample tool by name, served by the tool server at `base` (without a trailing slash). */
export function demoTools(base: string): Readonly<Record<string, UnknownObject>> {
  return { ...travelTools(base), ...workTools(base) };
}

function travelTools(base: string): Record<string, UnknownObject> {
  return {
    weather: {
      description: "Current weather and forecast for a city",
      input: input(
        { city: text("City name"), days: { type: "integer", minimum: 1, maximum: 14 } },
        ["city"],
      ),
      output: {
        type: "object",
        properties: { temperature_c: { type: "number" } },
        required: ["temperature_c"],
      },
      effect: "read",
      http: { method: "GET", url: `${base}/weather/{city}`, query: { days: "{days}" } },
      timeout_ms: 5000,
      cache: { ttl_s: 300 },
    },
    events: {
      description: "Events, concerts and exhibitions in a city from a date on",
      input: input({ city: text("City name"), from: { type: "string", format: "date" } }, ["city"]),
      effect: "read",
      http: { method: "GET", url: `${base}/events`, query: { city: "{city}", from: "{from}" } },
      timeout_ms: 5000,
    },
    restaurants: {
      description: "Best restaurants of a city, by cuisine",
      input: input({ city: text("City name"), cuisine: text("For example french") }, ["city"]),
      effect: "read",
      http: {
        method: "GET",
        url: `${base}/restaurants`,
        query: { city: "{city}", cuisine: "{cuisine}" },
      },
      timeout_ms: 5000,
    },
    currency: {
      description: "Converts an amount of money at the exchange rate of two currencies",
      input: input(
        { from: text("ISO 4217 code"), to: text("ISO 4217 code"), amount: { type: "number" } },
        ["from", "to", "amount"],
      ),
      effect: "read",
      http: {
        method: "GET",
        url: `${base}/currency`,
        query: { from: "{from}", to: "{to}", amount: "{amount}" },
      },
      timeout_ms: 5000,
    },
  };
}

function workTools(base: string): Record<string, UnknownObject> {
  return {
    search: {
      description: "Searches the web for pages about a query",
      input: input({ query: text("What to look for") }, ["query"]),
      effect: "read",
      http: { method: "GET", url: `${base}/search`, query: { q: "{query}" } },
      timeout_ms: 5000,
      cache: { ttl_s: 60 },
    },
    analyze_code: {
      description: "Analyzes JavaScript or TypeScript source: functions, imports and complexity",
      input: input(
        { source: text("Source code"), language: { enum: ["javascript", "typescript"] } },
        ["source", "language"],
      ),
      effect: "pure",
      http: { method: "POST", url: `${base}/analyze-code`, body: "json" },
      timeout_ms: 10_000,
    },
    calculate: {
      description: "Calculates an arithmetic expression",
      input: input({ expression: text("For example (2 + 3) * 4") }, ["expression"]),
      effect: "pure",
      builtin: "calculator",
    },
    record_note: {
      description: "Records a note in the ledger",
      input: input({ entry: text("The note") }, ["entry"]),
      effect: "write",
      http: { method: "POST", url: `${base}/ledger`, body: "json" },
      timeout_ms: 5000,
    },
  };
}
