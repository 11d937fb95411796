/**
 * Starts the built gateway once for all conformance tests and makes the operator's key. Tests read it with
 * `inject("gateway")`; each makes its own tenant, so they never share limits or state.
 */

import type { TestProject } from "vitest/node";

import { startGateway } from "../../dev/gateway.ts";
import { bootstrapOperator } from "../../dev/provision.ts";

/** The gateway all conformance tests talk to. */
export interface SharedGateway {
  /** Without a trailing slash. */
  readonly baseUrl: string;
  readonly operatorKey: string;
  /** Used up: the operator's key was made with it. */
  readonly bootstrapSecret: string;
}

declare module "vitest" {
  interface ProvidedContext {
    gateway: SharedGateway;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const gateway = await startGateway();
  const { baseUrl, secrets } = gateway;
  const operatorKey = await bootstrapOperator(baseUrl, secrets.BOOTSTRAP_SECRET);
  project.provide("gateway", { baseUrl, operatorKey, bootstrapSecret: secrets.BOOTSTRAP_SECRET });
  return () => gateway.dispose();
}
