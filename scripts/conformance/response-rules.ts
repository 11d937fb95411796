/** What a stream of a response must look like, whoever made it: OpenAI, another provider, or the gateway. */

import {
  isObject,
  listOf,
  numberOf,
  objectOf,
  textOf,
  type UnknownObject,
} from "../../dev/http/json.ts";

const LAST = /^response\.(completed|incomplete|failed)$/;

/** What must come between `added` and `done` of an item, by its type; a repeated event counts once. */
const BODIES: Readonly<Record<string, RegExp>> = {
  mcp_list_tools: /^response.mcp_list_tools.in_progress response.mcp_list_tools.completed$/,
  mcp_call:
    /^response.mcp_call.in_progress response.mcp_call_arguments.delta( response.mcp_call.in_progress)? response.mcp_call_arguments.done response.mcp_call.(completed|failed)$/,
  mcp_approval_request: /^$/,
  message:
    /^(response.content_part.added (response.output_text.delta response.output_text.done|response.refusal.delta response.refusal.done) response.content_part.done ?)+$/,
  reasoning:
    /^(response.content_part.added response.reasoning_text.delta response.reasoning_text.done response.content_part.done)?$/,
  function_call:
    /^(response.function_call_arguments.delta )?response.function_call_arguments.done$/,
};

/** Sentences on everything that is wrong with the events of one response; empty when nothing is. */
export function responseFaults(events: readonly UnknownObject[]): readonly string[] {
  const types = events.map((event) => textOf(event, "type") ?? "");
  const faults: string[] = [];
  if (events.some((event, at) => numberOf(event, "sequence_number") !== at))
    faults.push("does not count its events from 0 without gaps");
  if (types[0] !== "response.created") faults.push("does not begin with response.created");
  if (!types.slice(1, 3).includes("response.in_progress")) faults.push("is never in progress");
  if (types.filter((type) => LAST.test(type)).length !== 1 || !LAST.test(types.at(-1) ?? ""))
    faults.push("does not end with one last event");
  const output = listOf(objectOf(events.at(-1) ?? {}, "response"), "output").filter(isObject);
  const added = events.filter(({ type }) => type === "response.output_item.added");
  for (const [index, event] of added.entries()) {
    if (numberOf(event, "output_index") !== index) faults.push(`adds item ${index} out of turn`);
    faults.push(...itemFaults(events, index, output[index]));
  }
  if (output.length !== added.length) faults.push("ends with other items than it added");
  return faults;
}

function itemFaults(
  events: readonly UnknownObject[],
  index: number,
  last: UnknownObject | undefined,
): readonly string[] {
  // Extension events (`gw:…`) may stand anywhere: whoever does not know them passes them over.
  const own = events.filter(
    (event) =>
      numberOf(event, "output_index") === index &&
      textOf(event, "type")?.startsWith("gw:") !== true,
  );
  const types = own.map((event) => textOf(event, "type") ?? "");
  const type = textOf(objectOf(own[0] ?? {}, "item"), "type") ?? "";
  const name = `item ${index} (${type})`;
  const faults: string[] = [];
  if (types.at(-1) !== "response.output_item.done") faults.push(`${name} is never done`);
  const body = types.slice(1, -1).filter((one, at, all) => one !== all[at - 1]);
  if (BODIES[type]?.test(body.join(" ")) === false) faults.push(`${name} says ${body.join(" ")}`);
  const done = objectOf(own.at(-1) ?? {}, "item");
  if (JSON.stringify(done) !== JSON.stringify(last))
    faults.push(`${name} ends otherwise than it was done`);
  const ids = new Set(own.map((event) => textOf(event, "item_id") ?? textOf(done, "id")));
  if (ids.size > 1) faults.push(`${name} has ${ids.size} ids`);
  for (const kind of ["output_text", "refusal", "reasoning_text"]) {
    const of = (suffix: string) =>
      own.filter((event) => event["type"] === `response.${kind}.${suffix}`);
    const field = kind === "refusal" ? kind : "text";
    const written = of("delta")
      .map((event) => textOf(event, "delta"))
      .join("");
    const whole = of("done")
      .map((event) => textOf(event, field))
      .join("");
    if (written !== whole) faults.push(`${name} is done with another text than it wrote`);
  }
  return faults;
}

/** The order of a stream: types with the type of their item, deltas of one text as one, items in `without` left out. */
export function orderOf(
  events: readonly UnknownObject[],
  without: readonly string[] = [],
): readonly string[] {
  const itemTypes = new Map(
    events.flatMap((event): [number, string][] =>
      event["type"] === "response.output_item.added"
        ? [[numberOf(event, "output_index") ?? -1, textOf(objectOf(event, "item"), "type") ?? ""]]
        : [],
    ),
  );
  const order = events.flatMap((event) => {
    const item = itemTypes.get(numberOf(event, "output_index") ?? -1) ?? "";
    return without.includes(item) ? [] : [`${textOf(event, "type") ?? ""} ${item}`.trim()];
  });
  return order.filter((one, at) => one !== order[at - 1]);
}
