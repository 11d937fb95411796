/** What is known of a conversation at one moment: what the user said and which calls were made, in order. */

import type { Json, JsonObject } from "../../platform/canonical-json.ts";

/** A call that has been made. */
export interface PastCall {
  readonly kind: "call";
  readonly tool: string;
  readonly arguments: JsonObject;
  /** Its result, or null when it failed or is not known. */
  readonly output: Json;
  readonly succeeded: boolean;
}

/** Something a person wrote. */
export interface PastText {
  readonly kind: "text";
  readonly text: string;
}

/** The conversation so far, oldest first. */
export type Scene = readonly (PastCall | PastText)[];
