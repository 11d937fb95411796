/** Bounds of a chat run that no test meets by accident. */

import type { ChatBounds } from "../../src/orchestration/ports.ts";

/** Wide bounds, with everything switched on. */
export const CHAT_BOUNDS: ChatBounds = {
  maxTurns: 8,
  maxCalls: 256,
  maxParallel: 64,
  deadlineMs: 60_000,
  earlyStart: true,
};
