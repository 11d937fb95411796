/** What goes in and out of a `Tenant` object besides the shared words of `contract`. */

import type { Profile } from "../../src/contract/policy.ts";
import type { Sealed } from "../../src/contract/secret.ts";
import type { TenantView } from "../../src/contract/tenant.ts";

/** A tenant to be made. */
export interface NewTenant {
  readonly view: TenantView;
  readonly dataKey: Sealed;
  readonly profile: Profile;
  readonly locale: string;
}

/** Rows erased with a tenant. */
export interface ErasedTenant {
  readonly keys: number;
  readonly tools: number;
  readonly upstreams: number;
  readonly secrets: number;
}

/** What is needed to seal the next version of a secret. */
export interface SecretSlot {
  readonly version: number;
  readonly dataKey: Sealed;
}
