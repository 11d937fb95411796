/** Opens a tenant's sealed secrets, each only for the hosts it is bound to. */

import type { TenantSnapshot } from "../contract/tenant.ts";
import type { Target } from "../contract/upstream.ts";
import { openSecret } from "../tenancy/sealed.ts";

/**
 * The secret's value, or null when the tenant has no such secret, it is not bound to exactly `host` (with its port where
 * that is not the scheme's own), or it does not open.
 */
export async function openSecretFor(
  env: Pick<Env, "MASTER_KEYS">,
  tenant: Pick<TenantSnapshot, "tenantId" | "dataKey" | "secrets">,
  name: string,
  host: string,
): Promise<string | null> {
  const secret = tenant.secrets.find((candidate) => candidate.name === name);
  if (secret === undefined || !secret.hosts.includes(host)) return null;
  const opened = await openSecret(env, tenant, secret);
  return opened.ok ? opened.value : null;
}

/** The secret that `{{secret.name}}` stands for. */
export function secretName(template: string): string {
  return template.slice("{{secret.".length, -"}}".length);
}

/** A name for the key a target is sent, which changes with its value and with where it goes; null when it is sent none. */
export function credentialId(
  { secrets }: Pick<TenantSnapshot, "secrets">,
  { api_key: template, base_url: url }: Pick<Target, "api_key" | "base_url">,
): string | null {
  if (template === undefined) return null;
  const name = secretName(template);
  const version = secrets.find((secret) => secret.name === name)?.version ?? 0;
  return `${name}:${version}@${new URL(url).host}`;
}
