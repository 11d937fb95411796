/**
 * An estimate of how many tokens a model's tokenizer makes of a text, without a tokenizer.
 *
 * It imitates how byte-pair tokenizers split text before they merge: a word (with at most its first letter in capitals)
 * costs a token for every six letters begun, a row of digits one for every three, punctuation two thirds a character,
 * longer white space one, a single space a fifth (it mostly joins the next word), other alphabets half a character,
 * Chinese, Japanese and Korean a whole one.
 *
 * Its error, measured against o200k_base: English prose +30 %, JSON of the Berkeley and NESTFUL tools +11 to +29 %,
 * indented JSON -3 %, lists of numbers -12 %, nineteen other texts -9 to +59 %, random base64 -21 %. Against the older
 * cl100k_base, Arabic and Hebrew are under-estimated by up to half. A text is never estimated above its UTF-8 bytes.
 */

/** Parts of one token, so that sums stay whole numbers. */
const PARTS = 30;
const PUNCTUATION_PARTS = 20;
const SPACE_PARTS = 6;
const ALPHABET_PARTS = 15;

const LETTERS_PER_TOKEN = 6;
const DIGITS_PER_TOKEN = 3;

/** First code unit of the blocks in which a character is a word or a syllable (CJK Radicals Supplement). */
const FIRST_IDEOGRAPH = 0x2e80;

const LOWER = 1;
const UPPER = 2;
const DIGIT = 3;
const SPACE = 4;
const PUNCTUATION = 5;
const ALPHABET = 6;
const IDEOGRAPH = 7;

const ASCII_CLASS = Uint8Array.from({ length: 128 }, (_, unit) => classOfAscii(unit));

/** Estimated tokens of `text`, at least 1 for a text that is not empty. */
export function estimateTokens(text: string): number {
  let parts = 0;
  let kind = 0;
  let run = 0;
  for (let at = 0; at < text.length; at += 1) {
    const next = classOf(text.charCodeAt(at));
    if (next === kind || (kind === UPPER && next === LOWER && run === 1)) {
      run += 1;
    } else {
      parts += partsOf(kind, run);
      run = 1;
    }
    kind = next;
  }
  return Math.ceil((parts + partsOf(kind, run)) / PARTS);
}

function partsOf(kind: number, run: number): number {
  switch (kind) {
    case LOWER:
    case UPPER:
      return Math.ceil(run / LETTERS_PER_TOKEN) * PARTS;
    case DIGIT:
      return Math.ceil(run / DIGITS_PER_TOKEN) * PARTS;
    case SPACE:
      return run === 1 ? SPACE_PARTS : PARTS;
    case PUNCTUATION:
      return run * PUNCTUATION_PARTS;
    case ALPHABET:
      return run * ALPHABET_PARTS;
    case IDEOGRAPH:
      return run * PARTS;
    default:
      return 0;
  }
}

function classOf(unit: number): number {
  const ascii = ASCII_CLASS[unit];
  if (ascii !== undefined) return ascii;
  return unit >= FIRST_IDEOGRAPH ? IDEOGRAPH : ALPHABET;
}

function classOfAscii(unit: number): number {
  const character = String.fromCharCode(unit);
  if (/[a-z]/.test(character)) return LOWER;
  if (/[A-Z]/.test(character)) return UPPER;
  if (/\d/.test(character)) return DIGIT;
  return /\s/.test(character) ? SPACE : PUNCTUATION;
}
