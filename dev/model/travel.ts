/**
 * The recorded travel scenario: weather, events and restaurants of a city asked at once, then the price of dinner in the
 * traveller's currency, then an answer made from the results.
 */

import {
  isObject,
  listOf,
  numberOf,
  objectOf,
  parseObject,
  textOf,
  type UnknownObject,
} from "../http/json.ts";
import { toolAbout } from "./choose-tools.ts";
import type { Facts } from "./facts.ts";
import { fillArguments, type Hints } from "./fill-arguments.ts";
import type { ModelTool } from "./request.ts";

/** A call wanted, before it has an id. */
export interface WantedCall {
  readonly name: string;
  readonly arguments: UnknownObject;
}

/** A tool result as the scenario reads it. */
export interface NamedResult {
  readonly name: string;
  readonly text: string;
}

/** Says whether a prompt is about planning a stay: a place and at least two of the three subjects. */
export function isTravel(facts: Facts): boolean {
  const subjects = [/weather/i, /event|concert|exhibition/i, /restaurant|dinner/i];
  return facts.places.length > 0 && subjects.filter((one) => one.test(facts.text)).length >= 2;
}

/** What is said before the first calls. */
export function travelOpening(facts: Facts): string {
  return `Let me look up ${facts.places[0] ?? "the city"} for you: weather, events and restaurants at once.\n\n`;
}

/** Calls by stage; a stage starts when the one before has its results. Tools the request does not have are left out. */
export function travelStages(
  tools: readonly ModelTool[],
  facts: Facts,
  results: readonly NamedResult[],
): readonly (readonly WantedCall[])[] {
  const city = facts.places[0] ?? "Paris";
  const from = facts.dates[0];
  const wanted = (words: string, hints: Hints): WantedCall[] => {
    const tool = toolAbout(tools, words);
    if (tool === null) return [];
    return [
      {
        name: tool.name,
        arguments: fillArguments(tool.parameters, { ...facts, numbers: [] }, hints),
      },
    ];
  };
  const dinner = priceOfDinner(results);
  return [
    [
      ...wanted("weather forecast", { city, days: 7 }),
      ...wanted("events", { city, from }),
      ...wanted("restaurants", { city }),
    ],
    dinner === null ? [] : wanted("currency exchange", { from: "EUR", to: "USD", amount: dinner }),
  ];
}

/** The final answer, from whatever results came back. */
export function travelAnswer(facts: Facts, results: readonly NamedResult[]): string {
  const lines = [`Your week in ${facts.places[0] ?? "the city"}:`, ""];
  for (const { text } of results) {
    const result = parseObject(text);
    if (numberOf(result, "temperature_c") !== null) lines.push(...weatherLines(result));
    else if ("events" in result) lines.push(...eventLines(result));
    else if ("restaurants" in result) lines.push(...restaurantLines(result));
    else if (numberOf(result, "result") !== null) lines.push(...currencyLines(result));
    else lines.push(`- One lookup failed: ${text.slice(0, 160)}`);
  }
  lines.push("", "Enjoy your stay.");
  return lines.join("\n");
}

function priceOfDinner(results: readonly NamedResult[]): number | null {
  for (const { text } of results) {
    const [best] = listOf(parseObject(text), "restaurants").filter(isObject);
    const price = best === undefined ? null : numberOf(best, "price_eur");
    if (price !== null) return price * 2;
  }
  return null;
}

function weatherLines(result: UnknownObject): string[] {
  const days = listOf(result, "forecast").filter(isObject);
  const highs = days.map((day) => numberOf(day, "high_c") ?? 0);
  const lows = days.map((day) => numberOf(day, "low_c") ?? 0);
  const range =
    days.length === 0
      ? ""
      : `, between ${Math.min(...lows)} and ${Math.max(...highs)} °C over the week`;
  const rain = days.some((day) => /rain/.test(textOf(day, "condition") ?? ""));
  return [
    `**Weather.** ${textOf(result, "condition") ?? "Mixed"}, ${String(result["temperature_c"])} °C now${range}.${rain ? " Pack a raincoat." : ""}`,
  ];
}

function eventLines(result: UnknownObject): string[] {
  const events = listOf(result, "events").filter(isObject).slice(0, 3);
  return [
    "**Events.**",
    ...events.map((event) => {
      const price = numberOf(event, "price_eur") ?? 0;
      const cost = price === 0 ? "free" : `${price} EUR`;
      return `- ${textOf(event, "name") ?? ""}, ${textOf(event, "date") ?? ""}, ${textOf(event, "venue") ?? ""} (${cost})`;
    }),
  ];
}

function restaurantLines(result: UnknownObject): string[] {
  const best = listOf(result, "restaurants").filter(isObject).slice(0, 3);
  const cuisine = textOf(result, "cuisine");
  return [
    `**Restaurants.** The best ${cuisine === null ? "" : `${cuisine[0]?.toUpperCase() ?? ""}${cuisine.slice(1)} `}tables:`,
    ...best.map(
      (one) =>
        `- ${textOf(one, "name") ?? ""} (${textOf(one, "district") ?? ""}), rated ${String(one["rating"])}, about ${String(one["price_eur"])} EUR`,
    ),
  ];
}

function currencyLines(result: UnknownObject): string[] {
  const converted = objectOf({ result }, "result");
  return [
    `**Budget.** Dinner for two at the first one is about ${String(converted["amount"])} ${String(converted["from"])}, which is ${String(converted["result"])} ${String(converted["to"])}.`,
  ];
}
