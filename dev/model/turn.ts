/** One answer of the scripted model before it is written to the wire. */

/** A tool call; `arguments` is JSON text, or deliberately broken text. */
export interface TurnCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** What goes wrong with an answer. `after` counts the chunks written before it happens. */
export type TurnFault =
  | {
      readonly kind: "status";
      readonly status: number;
      readonly code: string;
      readonly message: string;
      readonly retryAfterS: number | null;
    }
  | { readonly kind: "cut" | "hang"; readonly after: number }
  | { readonly kind: "garbage" };

/** An answer: reasoning, then text, then calls. */
export interface Turn {
  readonly reasoning: string;
  readonly text: string;
  /** Code that makes the calls, of a provider that runs programs (Responses); empty: none. */
  readonly program: string;
  readonly calls: readonly TurnCall[];
  /** Waited before the first byte, besides the server's time to first token. */
  readonly delayMs: number;
  /** Waited before every call but the first. */
  readonly gapMs: number;
  /** Null: `tool_calls` with calls, else `stop`. */
  readonly finish: string | null;
  readonly fault: TurnFault | null;
}

/** An answer with nothing in it; spread and fill. */
export const EMPTY_TURN: Turn = {
  reasoning: "",
  text: "",
  program: "",
  calls: [],
  delayMs: 0,
  gapMs: 0,
  finish: null,
  fault: null,
};

/** A call id that depends on the conversation and the place of the call only. */
export function callId(conversation: string, index: number): string {
  return `call_${fingerprint(conversation)}_${index}`;
}

/** Eight hexadecimal digits that depend on the text only (FNV-1a). */
export function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  }
  return hash.toString(16).padStart(8, "0");
}
