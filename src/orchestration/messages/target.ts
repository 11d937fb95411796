/** Where a Messages request will go, as far as it decides what may be said. */
export interface MessagesTarget {
  /** The provider speaks the Messages API itself. */
  readonly isMessages: boolean;
  /** The provider is OpenAI itself, which knows `max_tokens` under another name only. */
  readonly isOpenAI: boolean;
}
