/** What the package exports as `toolformer-edge/testing`. It needs no test runner and runs wherever the library does. */

export { expectToolCalls, ExpectationFailed, ToolCallExpectation } from "./expect-tool-calls.ts";
export type { TimeBounds, TimedCall } from "./expect-tool-calls.ts";
export { drawCalls } from "./draw-calls.ts";
export { FakeClock } from "./fake-clock.ts";
export { FakeOrigin } from "./fake-origin.ts";
export type { OriginAnswer, OriginRequest, OriginScript, SeenRequest } from "./fake-origin.ts";
