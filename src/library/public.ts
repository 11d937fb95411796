/**
 * What the package exports as `toolformer-edge`. Everything here is for other people's code: a name that changes breaks
 * them.
 */

export { chat, ChatFailed, memoryTurns } from "./chat.ts";
export type { Chat, ChatEnd, ChatLimits, ChatOptions } from "./chat.ts";
export { defineChain, text } from "./define-chain.ts";
export type {
  ChainBuilder,
  ChainOptions,
  LoopOptions,
  MapOptions,
  Place,
  ReduceOptions,
  Step,
  StepOptions,
} from "./define-chain.ts";
export { defineTool, InvalidTool, ToolFailure } from "./define-tool.ts";
export type {
  DefinedTool,
  HandlerContext,
  ToolHandler,
  ToolOptions,
  ToolTraits,
  TypedToolOptions,
} from "./define-tool.ts";
export { createGuessing } from "./guessing.ts";
export type { Guessing, GuessingOptions } from "./guessing.ts";
export type { Aggregator, BranchOptions, JudgedResult, Scorer } from "./judges.ts";
export type { Admission, LimitedCall, LimitedEnd, Limiter } from "./limiter.ts";
export { httpProvider } from "./provider.ts";
export type { HttpProviderOptions, Provider } from "./provider.ts";
export { InvalidCalls, run } from "./run.ts";
export type { CallRequest, Run, RunLimits, RunOptions } from "./run.ts";
export type { StandardResult, StandardSchema, ToolInput } from "./tool-input.ts";
export type { CallPorts } from "./tool-set.ts";
export type { ChatEvent, ModelEvent } from "../contract/chat.ts";
export type { GatewayError, Violation } from "../contract/error.ts";
export type { CallError, CallOutcome, CallResult, RunEvent, RunReport } from "../contract/run.ts";
export type { Effect, HttpTool } from "../contract/tool.ts";
export type { Clock, TurnStore } from "../orchestration/ports.ts";
export { draftModel } from "../orchestration/speculation/draft-model.ts";
export type {
  ForetoldCall,
  Prediction,
  Predictor,
} from "../orchestration/speculation/predictor.ts";
export type { Json, JsonObject } from "../platform/canonical-json.ts";
export { fail, ok, type Result } from "../platform/result.ts";
