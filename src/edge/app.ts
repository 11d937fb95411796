/**
 * The HTTP application: every route in its place, and the only catch for what nobody planned for.
 *
 * A throw is a bug or a platform fault. It is logged by class and place and answered as `internal`; no message of it
 * ever leaves.
 */

import { Hono } from "hono";

import type { WriteLine } from "../telemetry/log.ts";
import type { EdgeEnv } from "./edge-env.ts";
import { reportFault } from "./fault.ts";
import { requestRecord } from "./middleware/request-record.ts";
import { refuse } from "./refuse.ts";
import { bootstrap } from "./routes/bootstrap.ts";
import { cache } from "./routes/cache.ts";
import { breakers } from "./routes/breakers.ts";
import { chatCompletions } from "./routes/chat-completions.ts";
import { createHealth, type Probe } from "./routes/health.ts";
import { keys } from "./routes/keys.ts";
import { limits } from "./routes/limits.ts";
import { mcp } from "./routes/mcp.ts";
import { mcpServers } from "./routes/mcp-servers.ts";
import { messages } from "./routes/messages.ts";
import { models } from "./routes/models.ts";
import { passThrough } from "./routes/pass-through.ts";
import { policy } from "./routes/policy.ts";
import { reference } from "./routes/reference.ts";
import { responses } from "./routes/responses.ts";
import { results } from "./routes/results.ts";
import { runs } from "./routes/runs.ts";
import { secrets } from "./routes/secrets.ts";
import { tenants } from "./routes/tenants.ts";
import { tools } from "./routes/tools.ts";
import { upstreams } from "./routes/upstreams.ts";
import { unknownRoute } from "./unknown-route.ts";

/** What tests replace. */
export interface AppOptions {
  /** Takes log lines; the console by default. */
  readonly write?: WriteLine;
  readonly probe?: Probe;
}

/** The application. One is made per isolate; it keeps nothing but its view of readiness. */
export function createApp({ write = console.log, probe }: AppOptions = {}): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>();
  app.use(requestRecord(write));
  app.route("/", createHealth(probe));
  app.route("/", reference);
  app.route("/v1/bootstrap", bootstrap);
  app.route("/v1/tenants", tenants);
  app.route("/v1/keys", keys);
  app.route("/v1/policy", policy);
  app.route("/v1/limits", limits);
  app.route("/v1/tools", tools);
  app.route("/v1/mcp-servers", mcpServers);
  app.route("/v1/upstreams", upstreams);
  app.route("/v1/secrets", secrets);
  app.route("/v1/cache", cache);
  app.route("/v1/breakers", breakers);
  app.route("/v1/runs", runs);
  app.route("/v1/results", results);
  app.route("/v1/chat/completions", chatCompletions);
  app.route("/v1/responses", responses);
  app.route("/v1/messages", messages);
  app.route("/v1/models", models);
  app.route("/v1", passThrough);
  app.route("/mcp", mcp);
  app.notFound((c) => refuse(c, unknownRoute(c.req.path)));
  app.onError((fault, c) => {
    reportFault(c, fault);
    return refuse(c, { code: "internal" });
  });
  return app;
}
