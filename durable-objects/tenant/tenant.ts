/**
 * Tenant: the record of one tenant and everything it configures: policy, tools, upstreams, sealed secrets, its keys'
 * metadata and its wrapped data key.
 *
 * One object per tenant, made through the tenant's jurisdiction. It is the only writer of the policy. An isolate reads
 * it all in one `snapshot()` and works from that for up to 30 seconds. After `erase` it answers like one that never was.
 */

import { DurableObject } from "cloudflare:workers";

import type { GatewayError } from "../../src/contract/error.ts";
import type { PolicyVersion } from "../../src/contract/policy.ts";
import { StoredSecret, type TenantKey } from "../../src/contract/stored.ts";
import type { TenantPatch, TenantSnapshot, TenantView } from "../../src/contract/tenant.ts";
import { ToolDefinition } from "../../src/contract/tool.ts";
import { Upstream } from "../../src/contract/upstream.ts";
import type { JsonObject } from "../../src/platform/canonical-json.ts";
import { fail, ok, type Result } from "../../src/platform/result.ts";
import { migrate } from "../shared/migrate.ts";
import { aboveCeiling } from "./ceiling.ts";
import { KeyTable } from "./key-table.ts";
import { mcpServersOf, noteLook } from "./mcp-servers.ts";
import { PolicyTable } from "./policy-table.ts";
import { presetFor, propose } from "./propose.ts";
import { putTools } from "./put-tools.ts";
import {
  ResourceTable,
  type Resource,
  type ResourceKind,
  type WrittenResource,
} from "./resource-table.ts";
import { RunTable, type ListedRun } from "./run-table.ts";
import { MIGRATIONS } from "./schema.ts";
import type { ErasedTenant, NewTenant, SecretSlot } from "./tenant-words.ts";
import { TenantTable } from "./tenant-table.ts";

/** Author of what the operator wrote. */
const OPERATOR = "operator";

export class Tenant extends DurableObject<Env> {
  readonly #tenant: TenantTable;
  readonly #keys: KeyTable;
  readonly #policies: PolicyTable;
  readonly #resources: ResourceTable;
  readonly #runs: RunTable;
  /** The last snapshot, dropped with every change; it saves reading, never decides. */
  #snapshot: string | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    migrate(ctx.storage, MIGRATIONS);
    const { sql } = ctx.storage;
    this.#tenant = new TenantTable(sql);
    this.#keys = new KeyTable(sql);
    this.#policies = new PolicyTable(sql, env.ROLE);
    this.#resources = new ResourceTable(sql);
    this.#runs = new RunTable(sql);
  }

  /** Writes a new tenant with its profile's preset, cut to the ceiling, as policy version 1. */
  create(tenant: NewTenant): void {
    const { view } = tenant;
    this.#tenant.insert(view, tenant.dataKey);
    const bounds = { ceiling: view.limits, role: this.env.ROLE };
    const policy = presetFor(tenant.profile, tenant.locale, bounds);
    this.#policies.append(policy, OPERATOR, Date.parse(view.created_at));
  }

  /** The tenant as the operator sees it, or null when there is none (any more). */
  view(): TenantView | null {
    return this.#tenant.read()?.view ?? null;
  }

  /** Changes name, hint or ceiling. A lower ceiling holds at once and leaves the tenant's own policy as it is. */
  patch(patch: TenantPatch): TenantView | null {
    const tenant = this.#tenant.read();
    if (tenant === null) return null;
    const view = this.#tenant.update(tenant.view, patch);
    this.#changed();
    return view;
  }

  /** A `TenantSnapshot` as JSON text, or null when there is no tenant (any more). */
  snapshot(): string | null {
    if (this.#snapshot !== null) return this.#snapshot;
    const tenant = this.#tenant.read();
    const current = this.#policies.current();
    if (tenant === null || current === null) return null;
    const snapshot: TenantSnapshot = {
      tenantId: tenant.view.id,
      residency: tenant.view.residency,
      version: tenant.version,
      ceiling: tenant.view.limits,
      policy: current.policy,
      policyVersion: current.version,
      tools: this.#resources.all("tool").map(({ name, version, body }) => ({
        name,
        version,
        definition: ToolDefinition.parse(JSON.parse(body)),
      })),
      upstreams: this.#resources.all("upstream").map(({ name, version, body }) => ({
        name,
        version,
        upstream: Upstream.parse(JSON.parse(body)),
      })),
      mcpServers: mcpServersOf(this.#resources),
      secrets: this.#resources.all("secret").map(({ name, version, body }) => ({
        name,
        version,
        ...StoredSecret.parse(JSON.parse(body)),
      })),
      dataKey: tenant.dataKey,
    };
    this.#snapshot = JSON.stringify(snapshot);
    return this.#snapshot;
  }

  /** Erases everything, the data key included: what was sealed with it elsewhere can never be read again. */
  async erase(): Promise<ErasedTenant> {
    const erased = {
      keys: this.#keys.count(),
      tools: this.#resources.count("tool"),
      upstreams: this.#resources.count("upstream"),
      secrets: this.#resources.count("secret"),
    };
    await this.ctx.storage.deleteAll();
    migrate(this.ctx.storage, MIGRATIONS);
    this.#snapshot = null;
    return erased;
  }

  /** Adds a key to the list; see `KeyTable.add`. */
  addKey(key: TenantKey, nowMs: number): Result<TenantKey | null, GatewayError> {
    return this.#tenant.read() === null ? fail({ code: "not_found" }) : this.#keys.add(key, nowMs);
  }

  /** One key, or null. */
  readKey(keyId: string): TenantKey | null {
    return this.#keys.read(keyId);
  }

  /** At most `limit` keys after the id `after`, oldest first. */
  listKeys(after: string, limit: number): readonly TenantKey[] {
    return this.#keys.list(after, limit);
  }

  /** Notes when a key ends. */
  setKeyExpiry(keyId: string, expiresAtMs: number): void {
    this.#keys.setExpiry(keyId, expiresAtMs);
  }

  /** Notes that a key was revoked. */
  noteRevoked(keyId: string, nowMs: number): void {
    this.#keys.revoke(keyId, nowMs);
  }

  /** The policy in force. */
  currentPolicy(): PolicyVersion | null {
    return this.#policies.current();
  }

  /** At most `limit` versions older than `before`, newest first. */
  policyVersions(before: number, limit: number): readonly PolicyVersion[] {
    return this.#policies.list(before, limit);
  }

  /**
   * The only way to change the policy: merges the patch (RFC 7396), checks it whole, and puts it in force as a new version.
   * `baseVersion` must be the version in force, or null to take whichever is.
   */
  proposePolicy(
    baseVersion: number | null,
    patch: JsonObject,
    author: string,
  ): Result<PolicyVersion, GatewayError> {
    const tenant = this.#tenant.read();
    const current = this.#policies.current();
    if (tenant === null || current === null) return fail({ code: "not_found" });
    if (baseVersion !== null && baseVersion !== current.version) {
      return fail({ code: "precondition_failed" });
    }
    const bounds = { ceiling: tenant.view.limits, role: this.env.ROLE };
    const proposed = propose(current.policy, patch, bounds);
    return proposed.ok ? ok(this.#force(proposed.value, author)) : proposed;
  }

  /** Puts an old version's content in force again, as a new version; refused when the ceiling is lower now. */
  rollbackPolicy(version: number, author: string): Result<PolicyVersion, GatewayError> {
    const old = this.#policies.read(version);
    const tenant = this.#tenant.read();
    if (old === null || tenant === null) return fail({ code: "not_found" });
    const violations = aboveCeiling(old.policy.limits, tenant.view.limits, "/limits");
    if (violations.length > 0) return fail({ code: "unprocessable", violations });
    return ok(this.#force(old.policy, author));
  }

  /** Writes a tool or an upstream; the body is JSON text that its schema has accepted. */
  putResource(
    kind: ResourceKind,
    name: string,
    body: string,
  ): Result<WrittenResource, GatewayError> {
    if (this.#tenant.read() === null) return fail({ code: "not_found" });
    const written = this.#resources.put(kind, name, body);
    this.#changed();
    return written;
  }

  /**
   * Writes all of these tools or none; see put-tools.ts.
   */
  putTools(
    tools: readonly { readonly name: string; readonly body: string }[],
    replace: boolean,
    isDryRun: boolean,
  ): Result<readonly string[], GatewayError> {
    if (this.#tenant.read() === null) return fail({ code: "not_found" });
    const written = putTools(this.ctx.storage, this.#resources, tools, { replace, isDryRun });
    this.#changed();
    return written;
  }

  /** Version and data key to seal a secret's next value with, or null when there is no tenant. */
  secretSlot(name: string): SecretSlot | null {
    const tenant = this.#tenant.read();
    if (tenant === null) return null;
    return { version: this.#resources.nextVersion("secret", name), dataKey: tenant.dataKey };
  }

  /** Writes a secret sealed as `version`; `conflict` when another write took that version meanwhile. */
  putSecret(name: string, version: number, body: string): Result<WrittenResource, GatewayError> {
    if (this.#resources.nextVersion("secret", name) !== version) {
      return fail({ code: "conflict", detail: "The secret was changed at the same time." });
    }
    return this.putResource("secret", name, body);
  }

  /** One resource, or null. */
  readResource(kind: ResourceKind, name: string): Resource | null {
    return this.#resources.read(kind, name);
  }

  /** At most `limit` resources after the name `after`, by name. */
  listResources(kind: ResourceKind, after: string, limit: number): readonly Resource[] {
    return this.#resources.list(kind, after, limit);
  }

  /** Removes a resource; false when there is none. */
  removeResource(kind: ResourceKind, name: string): boolean {
    const removed = this.#resources.remove(kind, name);
    if (kind === "mcp_server") this.#resources.remove("mcp_listing", name);
    if (removed) this.#changed();
    return removed;
  }

  /**
   * Notes what a look at an MCP server brought (an `McpLook` as JSON text). `conflict` when the server was changed or
   * removed meanwhile, `unprocessable` when it is more than a tenant may keep.
   */
  noteMcpLook(label: string, lookJson: string): Result<null, GatewayError> {
    const noted = noteLook(this.#resources, label, lookJson);
    this.#changed();
    return noted;
  }

  /** Notes how a durable run stands; nothing when the tenant was erased. */
  noteRun(run: Omit<ListedRun, "position">, nowMs: number): void {
    if (this.#tenant.read() !== null) this.#runs.note(run, nowMs);
  }

  /** At most `limit` durable runs before the position `before`, newest first. */
  listRuns(before: number, limit: number, nowMs: number): readonly ListedRun[] {
    return this.#runs.list(before, limit, nowMs);
  }

  /** Takes a durable run off the list. */
  forgetRun(runId: string): void {
    this.#runs.remove(runId);
  }

  #force(policy: PolicyVersion["policy"], author: string): PolicyVersion {
    const version = this.#policies.append(policy, author, Date.now());
    this.#changed();
    return version;
  }

  #changed(): void {
    this.#snapshot = null;
    this.#tenant.bumpVersion();
  }
}
