/**
 * The travel scenario through the unmodified `openai` client: only the base URL points at the gateway. The header
 * `x-gw-events: tools` asks for the chunks from which the waterfall is drawn; the client ignores them.
 */

import OpenAI from "openai";

import { isObject, numberOf, objectOf, textOf, type UnknownObject } from "../http/json.ts";
import type { WaterfallCall } from "./waterfall.ts";

/** What the demo asks. */
export const TRAVEL_PROMPT =
  "I am visiting Paris next week: weather, events, the best French restaurants?";

/** What came back. */
export interface TravelReport {
  readonly text: string;
  readonly calls: readonly WaterfallCall[];
  /** The gateway's own account: turns, calls, saved time. */
  readonly summary: UnknownObject;
  /** Milliseconds until the first piece of text, and until the end. */
  readonly firstTextMs: number;
  readonly totalMs: number;
  readonly fingerprint: string | null;
}

/** Asks for the travel plan; `onText` gets each piece of the answer as it arrives. */
export async function askTravel(
  access: { readonly baseUrl: string; readonly apiKey: string },
  onText: (piece: string) => void,
  signal?: AbortSignal,
): Promise<TravelReport> {
  const client = new OpenAI({ baseURL: `${access.baseUrl}/v1`, apiKey: access.apiKey });
  const started = performance.now();
  const stream = await client.chat.completions.create(
    {
      model: "scripted-1",
      messages: [{ role: "user", content: TRAVEL_PROMPT }],
      stream: true,
    },
    { headers: { "x-gw-events": "tools" }, ...(signal === undefined ? {} : { signal }) },
  );
  const track = createCallTrack();
  let text = "";
  let firstTextMs = 0;
  let summary: UnknownObject = {};
  let fingerprint: string | null = null;
  for await (const chunk of stream) {
    const piece = chunk.choices[0]?.delta.content ?? "";
    if (piece !== "") {
      if (text === "") firstTextMs = performance.now() - started;
      text += piece;
      onText(piece);
    }
    const fields: unknown = chunk;
    const gateway = isObject(fields) ? objectOf(fields, "x_gw") : {};
    if (textOf(gateway, "type") !== null) track.add(gateway);
    else if (textOf(gateway, "run") !== null) summary = gateway;
    fingerprint = (isObject(fields) ? textOf(fields, "system_fingerprint") : null) ?? fingerprint;
  }
  const totalMs = performance.now() - started;
  return { text, calls: track.calls(), summary, firstTextMs, totalMs, fingerprint };
}

/** Joins the `tool.started` of each call with its end; the times are the gateway's. */
export function createCallTrack(): {
  add(activity: UnknownObject): void;
  calls(): readonly WaterfallCall[];
} {
  const started = new Map<string, number>();
  const done: WaterfallCall[] = [];
  return {
    add(activity) {
      const id = textOf(activity, "call_id") ?? "";
      const timeMs = numberOf(activity, "t_ms") ?? 0;
      const type = textOf(activity, "type");
      if (type === "tool.started") {
        started.set(id, timeMs);
        return;
      }
      const durationMs = numberOf(activity, "duration_ms") ?? 0;
      const isHit = type === "tool.cache_hit";
      done.push({
        name: textOf(activity, "name") ?? id,
        startMs: started.get(id) ?? timeMs - durationMs,
        endMs: timeMs,
        status: isHit
          ? "succeeded"
          : (textOf(activity, "status") ?? (type === "tool.result" ? "succeeded" : "failed")),
      });
    },
    calls: () => done,
  };
}
