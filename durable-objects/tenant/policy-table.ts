/**
 * PolicyTable: the versions of a tenant's policy, newest in force. Old ones leave when there are too many.
 *
 * A version that an earlier release stored may lack fields of this one; they are read as its profile's preset has them.
 */

import { mergePatch } from "../../src/algorithms/merge-patch.ts";
import { presetPolicy } from "../../src/contract/policy-preset.ts";
import { Policy, Profile, type PolicyVersion } from "../../src/contract/policy.ts";
import { isJsonObject } from "../../src/platform/canonical-json.ts";

/** Versions kept; the one in force is always among them. */
export const MAX_POLICY_VERSIONS = 100;

interface PolicyRow extends Record<string, SqlStorageValue> {
  readonly version: number;
  readonly policy: string;
  readonly author: string;
  readonly created_at: string;
}

export class PolicyTable {
  readonly #sql: SqlStorage;
  readonly #role: string;

  /** `role` is the deployment's `ROLE`; presets differ by it. */
  constructor(sql: SqlStorage, role: string) {
    this.#sql = sql;
    this.#role = role;
  }

  /** Puts a new version in force. */
  append(policy: Policy, author: string, nowMs: number): PolicyVersion {
    const version = (this.current()?.version ?? 0) + 1;
    const created_at = new Date(nowMs).toISOString();
    this.#sql.exec(
      "INSERT INTO policy_version (version, policy, author, created_at) VALUES (?, ?, ?, ?)",
      version,
      JSON.stringify(policy),
      author,
      created_at,
    );
    this.#sql.exec("DELETE FROM policy_version WHERE version <= ?", version - MAX_POLICY_VERSIONS);
    return { version, policy, author, created_at };
  }

  /** The version in force, or null before the first. */
  current(): PolicyVersion | null {
    return this.#select("ORDER BY version DESC LIMIT 1")[0] ?? null;
  }

  /** One version, or null when it never was or has left. */
  read(version: number): PolicyVersion | null {
    return this.#select("WHERE version = ?", version)[0] ?? null;
  }

  /** At most `limit` versions older than `before`, newest first. */
  list(before: number, limit: number): readonly PolicyVersion[] {
    return this.#select("WHERE version < ? ORDER BY version DESC LIMIT ?", before, limit);
  }

  #select(where: string, ...bindings: readonly SqlStorageValue[]): readonly PolicyVersion[] {
    return this.#sql
      .exec<PolicyRow>(
        `SELECT version, policy, author, created_at FROM policy_version ${where}`,
        ...bindings,
      )
      .toArray()
      .map((row) => ({
        version: row.version,
        policy: completed(JSON.parse(row.policy), this.#role),
        author: row.author,
        created_at: row.created_at,
      }));
  }
}

function completed(stored: unknown, role: string): Policy {
  const patch = isJsonObject(stored) ? stored : {};
  const profile = Profile.parse(patch["profile"]);
  return Policy.parse(mergePatch(presetPolicy(profile, "auto", role), patch));
}
