/** Requests of the suite: plain `fetch`, and an answer that is an answer also when the connection broke half way. */

import { parseObject, type UnknownObject } from "../../dev/http/json.ts";
import { notOffered, type Outcome, type Scene } from "./check.ts";

/** Longest wait for a whole answer. */
const MAX_WAIT_MS = 10_000;

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** `{}` when the text is no JSON object. */
  readonly json: UnknownObject;
  /** How the connection ended: whole, broken by the other side, or by us after the longest wait. */
  readonly end: "whole" | "broken" | "waited";
}

/** What is asked beside path and body. */
export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends `body` (text as it is, anything else as JSON) and reads what comes. Rejects only when nothing listens. */
export async function ask(
  { target }: Scene,
  path: string,
  body: unknown,
  { method = "POST", headers = target.headers(path) }: Asked = {},
): Promise<Answer> {
  const signal = AbortSignal.timeout(MAX_WAIT_MS);
  let status = 0;
  let seen = new Headers();
  let text = "";
  let end: Answer["end"] = "whole";
  try {
    const response = await fetch(target.baseUrl + path, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(method === "GET" ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      signal,
    });
    ({ status, headers: seen } = response);
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) text += decoder.decode(bytes, { stream: true });
    text += decoder.decode();
  } catch {
    end = signal.aborted ? "waited" : "broken";
  }
  return { status, headers: seen, text, json: parseObject(text), end };
}

/** A chat body whose answer is the golden one of this name. */
export function golden(
  { target, tag }: Scene,
  name: string,
  more: UnknownObject = {},
): UnknownObject {
  const messages = [{ role: "user", content: `golden:${name} ${tag}` }];
  return { model: target.model, messages, ...more };
}

/** A user message that fixes every answer of the scripted model. */
export function scripted({ tag }: Scene, ...turns: readonly UnknownObject[]): UnknownObject {
  return { role: "user", content: `${tag}\n#script ${JSON.stringify({ turns })}` };
}

/** Why a route is not there at all, or null. */
export function missing({ status }: Answer, path: string): Outcome | null {
  return [404, 405, 501].includes(status) ? notOffered(`${path} answers ${status}`) : null;
}

/** An answer in a few words. */
export function shown({ status, text, end }: Answer): string {
  const start = text.replaceAll(/\s+/g, " ").slice(0, 80);
  return `${status}${end === "whole" ? "" : `, ${end}`} ${start}`.trim();
}

/** Asks `check` until it says yes, at most `withinMs`; false when it never did. */
export async function becomes(check: () => boolean, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (!check() && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 10));
  return check();
}
