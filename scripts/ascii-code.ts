/**
 * JavaScript spelt in ASCII, so that its text is kept at a byte a character: with one other character Node reads a script of 2.8 MB as
 * 5.7 MB in memory (seen in a heap snapshot).
 *
 * Beyond stand escapes, which mean the same in strings, templates, regular expressions and names. Not in what reads its own spelling
 * (`String.raw`), and not behind a backslash: such code is refused.
 */
export function asciiCode(code: string): string {
  const odd = /(?<!\\)(?:\\\\)*\\[\u0080-\uffff]/.exec(code)
  if (odd !== null) throw new Error(`${JSON.stringify(odd[0])}: a backslash before a character that has to be escaped`)
  const raw = /\braw`[^`]*[\u0080-\uffff]/.exec(code)
  if (raw !== null) throw new Error(`${JSON.stringify(raw[0].slice(0, 80))}: an escape would be read as it is spelt`)
  return code.replace(/[\u0080-\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
