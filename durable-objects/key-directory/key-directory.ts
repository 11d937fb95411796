import { DurableObject } from "cloudflare:workers";

export class KeyDirectory extends DurableObject<Env> {}
