/** What the model is asked in one turn of a run: the client's request with the tools and the messages of that turn. */

import type { JsonObject } from "../platform/canonical-json.ts";
import { innerBody } from "./chat-request.ts";
import type { ChatRun, ToolBox } from "./ports.ts";
import { withQueryOffered } from "./results/result-query-tool.ts";
import { shownTools } from "./tool-search/tool-search.ts";

/** The body of the `turn`-th question, from 1, after `messages`. The same for the same arguments. */
export function turnBody(
  { request, bounds }: Pick<ChatRun, "request" | "bounds">,
  { offered, instruct }: ToolBox,
  messages: readonly JsonObject[],
  turn: number,
): JsonObject {
  const found = shownTools(offered, messages, request.tool_choice, bounds.toolSearchAbove);
  const shown = withQueryOffered(found, messages);
  // A copy: the run adds to its messages while whoever was asked may still read them.
  const instructed = instruct === undefined ? [...messages] : instruct(messages);
  return innerBody(request, shown, instructed, turn);
}
