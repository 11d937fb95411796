/** TenantTable: the one row that says who the tenant is, its ceiling, its wrapped data key and the version of everything. */

import { Residency } from "../../src/contract/key.ts";
import { Limits } from "../../src/contract/limits.ts";
import type { Sealed } from "../../src/contract/secret.ts";
import { StoredSealed } from "../../src/contract/stored.ts";
import { RegionHint, type TenantPatch, type TenantView } from "../../src/contract/tenant.ts";

/** The row, parsed. */
export interface TenantRecord {
  readonly view: TenantView;
  readonly dataKey: Sealed;
  /** Counts up with every change of anything of the tenant. */
  readonly version: number;
}

interface TenantRow extends Record<string, SqlStorageValue> {
  readonly tenant_id: string;
  readonly name: string;
  readonly residency: string;
  readonly region_hint: string;
  readonly ceiling: string;
  readonly data_key: string;
  readonly version: number;
  readonly created_at: string;
}

export class TenantTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Writes the row; a second time throws, because ids are random. */
  insert(view: TenantView, dataKey: Sealed): void {
    this.#sql.exec(
      `INSERT INTO tenant (id, tenant_id, name, residency, region_hint, ceiling, data_key, version, created_at)
       VALUES (1, ?, ?, ?, ?, ?, ?, 1, ?)`,
      view.id,
      view.name,
      view.residency,
      view.region_hint,
      JSON.stringify(view.limits),
      JSON.stringify(dataKey),
      view.created_at,
    );
  }

  /** The row, or null when there is no tenant (any more). */
  read(): TenantRecord | null {
    const [row] = this.#sql.exec<TenantRow>("SELECT * FROM tenant WHERE id = 1").toArray();
    return row === undefined ? null : fromRow(row);
  }

  /** Changes what the patch names. */
  update(view: TenantView, patch: TenantPatch): TenantView {
    const changed = {
      ...view,
      name: patch.name ?? view.name,
      region_hint: patch.region_hint ?? view.region_hint,
      limits: patch.limits ?? view.limits,
    };
    this.#sql.exec(
      "UPDATE tenant SET name = ?, region_hint = ?, ceiling = ? WHERE id = 1",
      changed.name,
      changed.region_hint,
      JSON.stringify(changed.limits),
    );
    return changed;
  }

  /** Counts a change. */
  bumpVersion(): void {
    this.#sql.exec("UPDATE tenant SET version = version + 1 WHERE id = 1");
  }
}

function fromRow(row: TenantRow): TenantRecord {
  return {
    view: {
      id: row.tenant_id,
      name: row.name,
      residency: Residency.parse(row.residency),
      processing: "region",
      region_hint: RegionHint.parse(row.region_hint),
      limits: Limits.parse(JSON.parse(row.ceiling)),
      created_at: row.created_at,
    },
    dataKey: StoredSealed.parse(JSON.parse(row.data_key)),
    version: row.version,
  };
}
