/**
 * Translates RE2's syntax (https://github.com/google/re2/wiki/Syntax) to JavaScript's in `u` mode.
 *
 * - `(?i)` in the middle of a group holds for the rest of that group, past every `|`: JavaScript only has `(?i:...)`,
 *   so the rest is wrapped, and wrapped anew in each alternative.
 * - Assertions may be repeated (`$*`), as in RE2.
 * - Look-around, back-references and ungreedy mode are refused: RE2 has none of the first two, JavaScript not the last.
 */
export function translateRe2(source: string): string {
  return new Translator(source).run()
}

/** As in Go. */
const MAX_DEPTH = 1000
const SYNTAX = '^$\\.*+?()[]{}|/'
const SPACE = '\\t\\n\\f\\r '
const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '\\w',
  xdigit: '0-9A-Fa-f',
}

/** Every method reads on from `#at` and returns what it has read, translated. */
class Translator {
  readonly #source: string
  #at = 0
  /** For each open group, the modifier groups opened inside it: `(?i:` and the like. */
  readonly #modifiers: string[][] = [[]]

  constructor(source: string) {
    this.#source = source
  }

  run(): string {
    let out = ''
    while (this.#at < this.#source.length) out += this.#step()
    if (this.#modifiers.length !== 1) throw new SyntaxError('missing )')
    return out + this.#closing()
  }

  get #rest(): string {
    return this.#source.slice(this.#at)
  }

  #take(consumed: number, translated: string): string {
    this.#at += consumed
    return translated
  }

  #step(): string {
    const char = this.#source[this.#at]!
    switch (char) {
      case '^':
      case '$':
        return this.#repeatable(this.#take(1, char))
      case '\\':
        return /^\\[bBAz]/.test(this.#rest) ? this.#repeatable(this.#escape(false)) : this.#escape(false)
      case '[':
        return this.#class()
      case '(':
        return this.#open()
      case ')': {
        if (this.#modifiers.length === 1) throw new SyntaxError('unexpected )')
        const closing = this.#closing()
        this.#modifiers.pop()
        return this.#take(1, `${closing})`)
      }
      case '|':
        return this.#take(1, `${this.#closing()}|${this.#modifiers.at(-1)!.join('')}`)
      case '{': {
        const repeat = /^\{(\d+)(?:,(\d*))?\}/.exec(this.#rest)
        if (repeat === null) return this.#take(1, '\\{')
        if (Number(repeat[1]) > 1000 || Number(repeat[2] ?? 0) > 1000) throw new SyntaxError('repeat count over 1000')
        return this.#take(repeat[0].length, repeat[0])
      }
      case '}':
      case ']':
        return this.#take(1, `\\${char}`)
      default:
        return this.#take(1, char)
    }
  }

  /** An assertion: RE2 lets it be repeated as it stands, JavaScript only in a group. */
  #repeatable(assertion: string): string {
    return /^(?:[*+?]|\{\d+(?:,\d*)?\})/.test(this.#rest) ? `(?:${assertion})` : assertion
  }

  #closing(): string {
    return ')'.repeat(this.#modifiers.at(-1)!.length)
  }

  #open(): string {
    if (this.#modifiers.length > MAX_DEPTH) throw new SyntaxError('expression nests too deeply')
    const rest = this.#rest
    if (!rest.startsWith('(?')) {
      this.#modifiers.push([])
      return this.#take(1, '(')
    }
    const named = /^\(\?P?<([A-Za-z_]\w*)>/.exec(rest)
    if (named !== null) {
      this.#modifiers.push([])
      return this.#take(named[0].length, `(?<${named[1]}>`)
    }
    const flags = /^\(\?([ims]*)(?:-([ims]+))?([:)])/.exec(rest)
    if (flags === null) throw new SyntaxError(`${rest.slice(0, 4)} is not part of RE2 here`)
    const on = [...new Set(flags[1])].join('')
    const off = [...new Set(flags[2] ?? '')].join('')
    const modifier = `(?${on}${off === '' ? '' : `-${off}`}:`
    if (flags[3] === ':') this.#modifiers.push([])
    else this.#modifiers.at(-1)!.push(modifier)
    return this.#take(flags[0].length, modifier)
  }

  #class(): string {
    const whole = /^\[\[:\^(\w+):\]\]/.exec(this.#rest)
    if (whole !== null) return this.#take(whole[0].length, `[^${posix(whole[1]!)}]`)
    const start = /^\[\^?/.exec(this.#rest)![0]
    let out = this.#take(start.length, start)
    // A bracket that comes first stands for itself.
    if (this.#source[this.#at] === ']') out += this.#take(1, '\\]')
    for (;;) {
      const char = this.#source[this.#at]
      if (char === undefined) throw new SyntaxError('missing ]')
      const named = /^\[:(\w+):\]/.exec(this.#rest)
      if (char === ']') return out + this.#take(1, ']')
      if (named !== null) out += this.#take(named[0].length, posix(named[1]!))
      else if (char === '\\') out += this.#escape(true)
      else out += this.#take(1, char === '[' ? '\\[' : char)
    }
  }

  #escape(inClass: boolean): string {
    const rest = this.#rest
    const quoted = /^\\Q([\s\S]*?)(?:\\E|$)/.exec(rest)
    if (quoted !== null && !inClass) return this.#take(quoted[0].length, literal(quoted[1]!))
    const point = /^\\x(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2}))/.exec(rest)
    if (point !== null) return this.#take(point[0].length, codePoint(Number.parseInt(point[1] ?? point[2]!, 16)))
    const octal = /^\\([0-7]{3}|0)/.exec(rest)
    if (octal !== null) return this.#take(octal[0].length, codePoint(Number.parseInt(octal[1]!, 8)))
    const property = /^\\([pP])(?:\{(\^?)(\w+)\}|(\w))/.exec(rest)
    if (property !== null) return this.#take(property[0].length, unicode(property))
    const next = rest[1]
    if (next === undefined) throw new SyntaxError('trailing backslash')
    return this.#take(2, simpleEscape(next, inClass))
  }
}

/** The short form, where there is one, reads the same in and out of `u` mode. */
function codePoint(code: number): string {
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}

function posix(name: string): string {
  const ranges = POSIX[name]
  if (ranges === undefined) throw new SyntaxError(`unknown class [:${name}:]`)
  return ranges
}

/** `\pL`, `\p{Lu}` are categories, `\p{Greek}` is a script. */
function unicode([, letter, negated, long, short]: readonly (string | undefined)[]): string {
  const upper = (letter === 'P') !== (negated === '^')
  const name = long ?? short!
  return `\\${upper ? 'P' : 'p'}{${name.length > 2 ? `Script=${name}` : name}}`
}

function simpleEscape(char: string, inClass: boolean): string {
  switch (char) {
    case 's':
      return inClass ? SPACE : `[${SPACE}]`
    case 'S':
      return inClass ? '\\S' : `[^${SPACE}]`
    case 'a':
      return '\\x07'
    case 'z':
      if (inClass) break
      return '(?![\\s\\S])'
    case 'A':
      if (inClass) break
      return '(?<![\\s\\S])'
    default:
      if ('dDwWfnrtv'.includes(char) || (!inClass && 'bB'.includes(char))) return `\\${char}`
  }
  if (/[0-9A-Za-z]/.test(char)) throw new SyntaxError(`\\${char} is not part of RE2`)
  if (SYNTAX.includes(char) || (inClass && char === '-')) return `\\${char}`
  return char
}

function literal(text: string): string {
  return [...text].map((char) => (SYNTAX.includes(char) ? `\\${char}` : char)).join('')
}
