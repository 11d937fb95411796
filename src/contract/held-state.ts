/** A held turn as its object hands it out: everything with content is sealed. */

/** The turn and how its calls stand. */
export interface HeldState {
  readonly sealed: string;
  readonly calls: readonly {
    readonly id: string;
    /** The run that answers for the call, or null as long as nobody has spoken for it. */
    readonly owner: string | null;
    /** Epoch ms. */
    readonly claimedAtMs: number | null;
    /** What the model reads of it, or null. */
    readonly content: string | null;
  }[];
}
