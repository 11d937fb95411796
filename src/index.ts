/**
 * The Worker's entry: the app, the scheduled handler and the Durable Object classes, nothing else.
 *
 * One script serves every deployment; `ROLE` says which part it plays. A router only forwards; every other role answers.
 */

import { checkHealth } from "./assembly/health.ts";
import { createApp } from "./edge/app.ts";
import { forward, isRouter } from "./regions/forward.ts";

export { Conversation } from "../durable-objects/conversation/conversation.ts";
export { KeyDirectory } from "../durable-objects/key-directory/key-directory.ts";
export { KeptResult } from "../durable-objects/kept-result/kept-result.ts";
export { ResultCache } from "../durable-objects/result-cache/result-cache.ts";
export { RunJournal } from "../durable-objects/run-journal/run-journal.ts";
export { TenantGate } from "../durable-objects/tenant-gate/tenant-gate.ts";
export { Tenant } from "../durable-objects/tenant/tenant.ts";
export { ToolShard } from "../durable-objects/tool-shard/tool-shard.ts";

const app = createApp();

export default {
  fetch: (request, env, ctx) =>
    isRouter(env) ? forward(request, env) : app.fetch(request, env, ctx),
  scheduled: (_controller, env) => checkHealth(env),
} satisfies ExportedHandler<Env>;
