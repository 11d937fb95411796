/**
 * ResourceTable: a tenant's tools, upstreams, sealed secrets, MCP servers and what those were seen to offer. They differ
 * only in what their body is, so they share a table; the body is JSON text, checked by its schema before it comes here and after it leaves.
 *
 * A version counts up with every change of a name and is never given twice, also when the name was deleted in between:
 * a cached result or a sealed value of an older definition can therefore never be taken for one of a newer.
 */

import type { GatewayError } from "../../src/contract/error.ts";
import { fail, ok, type Result } from "../../src/platform/result.ts";

/** What a resource is. */
export type ResourceKind = "tool" | "upstream" | "secret" | "mcp_server" | "mcp_listing";

/** Resources of one tenant by kind. */
export const MAX_RESOURCES: Readonly<Record<ResourceKind, number>> = {
  tool: 256,
  upstream: 32,
  secret: 128,
  mcp_server: 16,
  mcp_listing: 16,
};

/** Characters of all bodies together: every isolate that serves the tenant holds them. */
export const MAX_BODY_CHARACTERS = 1024 * 1024;

/** A stored resource. */
export interface Resource {
  readonly name: string;
  readonly version: number;
  readonly body: string;
}

/** A resource as a write left it; `created` when nothing of that name was there. */
export interface WrittenResource extends Resource {
  readonly created: boolean;
}

interface ResourceRow extends Record<string, SqlStorageValue> {
  readonly name: string;
  readonly version: number;
  readonly body: string;
}

export class ResourceTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The version the next change of this name will have. */
  nextVersion(kind: ResourceKind, name: string): number {
    const known = this.read(kind, name)?.version ?? this.#floor(kind);
    return known + 1;
  }

  /** Writes a resource as `nextVersion`; refused when the tenant has too many or too much. */
  put(kind: ResourceKind, name: string, body: string): Result<WrittenResource, GatewayError> {
    const existing = this.read(kind, name);
    if (existing === null && this.count(kind) >= MAX_RESOURCES[kind]) {
      return fail(tooMuch(`A tenant has at most ${MAX_RESOURCES[kind]} of these.`));
    }
    if (this.#characters() - (existing?.body.length ?? 0) + body.length > MAX_BODY_CHARACTERS) {
      return fail(tooMuch(`A tenant's resources hold at most ${MAX_BODY_CHARACTERS} characters.`));
    }
    const version = this.nextVersion(kind, name);
    this.#sql.exec(
      `INSERT INTO resource (kind, name, version, body) VALUES (?, ?, ?, ?)
       ON CONFLICT (kind, name) DO UPDATE SET version = excluded.version, body = excluded.body`,
      kind,
      name,
      version,
      body,
    );
    return ok({ name, version, body, created: existing === null });
  }

  /** One resource, or null. */
  read(kind: ResourceKind, name: string): Resource | null {
    return this.#select("kind = ? AND name = ?", kind, name)[0] ?? null;
  }

  /** At most `limit` resources after the name `after`, by name. */
  list(kind: ResourceKind, after: string, limit: number): readonly Resource[] {
    return this.#select("kind = ? AND name > ? ORDER BY name LIMIT ?", kind, after, limit);
  }

  /** All of a kind in the order they were first written. */
  all(kind: ResourceKind): readonly Resource[] {
    return this.#select("kind = ? ORDER BY position", kind);
  }

  /** Removes a resource; false when there is none. */
  remove(kind: ResourceKind, name: string): boolean {
    const existing = this.read(kind, name);
    if (existing === null) return false;
    this.#sql.exec(
      `INSERT INTO version_floor (kind, version) VALUES (?, ?)
       ON CONFLICT (kind) DO UPDATE SET version = max(version, excluded.version)`,
      kind,
      existing.version,
    );
    this.#sql.exec("DELETE FROM resource WHERE kind = ? AND name = ?", kind, name);
    return true;
  }

  /** Number of resources of a kind. */
  count(kind: ResourceKind): number {
    return this.#sql
      .exec<{ n: number }>("SELECT count(*) AS n FROM resource WHERE kind = ?", kind)
      .one().n;
  }

  #floor(kind: ResourceKind): number {
    const [row] = this.#sql
      .exec<{ version: number }>("SELECT version FROM version_floor WHERE kind = ?", kind)
      .toArray();
    return row?.version ?? 0;
  }

  #characters(): number {
    return this.#sql
      .exec<{ n: number }>("SELECT coalesce(sum(length(body)), 0) AS n FROM resource")
      .one().n;
  }

  #select(where: string, ...bindings: readonly SqlStorageValue[]): readonly Resource[] {
    return this.#sql
      .exec<ResourceRow>(`SELECT name, version, body FROM resource WHERE ${where}`, ...bindings)
      .toArray();
  }
}

function tooMuch(message: string): GatewayError {
  return { code: "unprocessable", violations: [{ pointer: "", message }] };
}
