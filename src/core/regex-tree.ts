/**
 * A translated expression (`re2.ts`) as a tree, with RE2's bounds on its size.
 *
 * - What is read is JavaScript's syntax in `u` mode, checked by its engine before: only what `re2.ts` writes is expected.
 * - Bounds as in Go's regexp/syntax: repetitions in each other multiply to 1,000 at most, groups nest 1,000 deep at most, and
 *   what is written out may have MAX_SIZE parts.
 */

/** A set of characters: an atom such as `[a-z]`, `\pL` or `é`, and the flags that it is read with. */
export type CharSet = { readonly source: string; readonly ignoresCase: boolean }

export type Assertion = 'start' | 'end' | 'line-start' | 'line-end' | 'word' | 'no-word'

export type RegexNode =
  | { readonly kind: 'char'; readonly code: number }
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'any'; readonly newline: boolean }
  | { readonly kind: 'assert'; readonly what: Assertion }
  | { readonly kind: 'all'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'either'; readonly options: readonly RegexNode[] }
  | {
      readonly kind: 'repeat'
      readonly of: RegexNode
      readonly min: number
      readonly max: number
      readonly greedy: boolean
    }
  | { readonly kind: 'group'; readonly of: RegexNode; readonly index: number }

export type RegexTree = {
  readonly root: RegexNode
  readonly groups: number
  readonly names: ReadonlyMap<string, number>
  /** Places where one way or another may be taken: up to one, backtracking is cheap. */
  readonly choices: number
  /** A group may take part more than once: then RE2 keeps what it took last, and JavaScript what the last turn took. */
  readonly repeatsGroups: boolean
}

const MAX_SIZE = 500_000
const MAX_DEPTH = 1000
const MAX_REPEAT = 1000

/** Throws `SyntaxError` beyond the bounds. */
export function regexTree(body: string): RegexTree {
  return new Reader(body).whole()
}

type Flags = { readonly i: boolean; readonly m: boolean; readonly s: boolean }
/** What a part is written out to, and how often repetitions in it multiply. */
type Read = { readonly node: RegexNode; readonly size: number; readonly repeats: number }

const NOTHING: Read = { node: { kind: 'all', parts: [] }, size: 1, repeats: 1 }
const ESCAPE = /\\(?:x[0-9a-f]{2}|u\{[0-9a-f]+\}|[pP]\{[^}]*\}|[\s\S])/uy
const CLASS = /\[(?:\\[\s\S]|[^\]\\])*\]/uy
const CHAR = /[\s\S]/uy
const REPEAT = /(?:([*+?])|\{(\d+)(,?)(\d*)\})(\??)/y
const OPEN = /\((?:\?(?:<(\w+)>|([ims]*)(?:-([ims]+))?:))?/y
const CONTROLS: Readonly<Record<string, number>> = { f: 12, n: 10, r: 13, t: 9, v: 11 }

class Reader {
  readonly #body: string
  readonly #names = new Map<string, number>()
  #at = 0
  #groups = 0
  #depth = 0
  #choices = 0
  #repeatsGroups = false

  constructor(body: string) {
    this.#body = body
  }

  whole(): RegexTree {
    const { node } = this.#either({ i: false, m: false, s: true })
    return {
      root: node,
      groups: this.#groups,
      names: this.#names,
      choices: this.#choices,
      repeatsGroups: this.#repeatsGroups,
    }
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#body)
    if (match !== null) this.#at = pattern.lastIndex
    return match
  }

  #either(flags: Flags): Read {
    const options = [this.#all(flags)]
    while (this.#body[this.#at] === '|') {
      this.#at++
      options.push(this.#all(flags))
    }
    if (options.length === 1) return options[0]!
    this.#choices++
    return sum({ kind: 'either', options: options.map(({ node }) => node) }, options)
  }

  #all(flags: Flags): Read {
    const parts: Read[] = []
    while (this.#at < this.#body.length && !'|)'.includes(this.#body[this.#at]!)) parts.push(this.#repeated(flags))
    return parts.length === 1 ? parts[0]! : sum({ kind: 'all', parts: parts.map(({ node }) => node) }, parts)
  }

  #repeated(flags: Flags): Read {
    const groups = this.#groups
    const choices = this.#choices
    const of = this.#atom(flags)
    const match = this.#take(REPEAT)
    if (match === null) return of
    if (this.#groups > groups) this.#repeatsGroups = true
    // A choice that comes again and again is more than one.
    if (this.#choices > choices) this.#choices++
    const [, sign, least, comma, most, lazy] = match
    const min = sign === undefined ? Number(least) : sign === '+' ? 1 : 0
    const max =
      sign === undefined ? (comma === '' ? min : most === '' ? Infinity : Number(most)) : sign === '?' ? 1 : Infinity
    if (max !== min) this.#choices++
    const times = Math.max(1, max === Infinity ? min : max)
    const repeats = sign === undefined ? of.repeats * times : of.repeats
    if (repeats > MAX_REPEAT) throw new SyntaxError(`invalid repeat count: more than ${MAX_REPEAT}, one in the other`)
    const node = { kind: 'repeat', of: of.node, min, max, greedy: lazy === '' } as const
    return { node, size: bounded((of.size + 1) * (max === Infinity ? min + 1 : times)), repeats }
  }

  #atom(flags: Flags): Read {
    switch (this.#body[this.#at]) {
      case '(':
        return this.#group(flags)
      case '[':
        return this.#set(this.#take(CLASS)![0], flags)
      case '\\':
        return this.#escape(flags)
      case '.':
        return this.#one({ kind: 'any', newline: flags.s })
      case '^':
        return this.#one({ kind: 'assert', what: flags.m ? 'line-start' : 'start' })
      case '$':
        return this.#one({ kind: 'assert', what: flags.m ? 'line-end' : 'end' })
      default:
        return this.#literal(this.#take(CHAR)![0], flags)
    }
  }

  #one(node: RegexNode): Read {
    this.#at++
    return leaf(node)
  }

  #group(flags: Flags): Read {
    for (const [text, what] of [
      ['(?![\\s\\S])', 'end'],
      ['(?<![\\s\\S])', 'start'],
    ] as const) {
      if (!this.#body.startsWith(text, this.#at)) continue
      this.#at += text.length
      return leaf({ kind: 'assert', what })
    }
    const [whole, name, on = '', off = ''] = this.#take(OPEN)!
    if (++this.#depth > MAX_DEPTH) throw new SyntaxError('expression nests too deeply')
    const captures = whole === '(' || name !== undefined
    const index = captures ? ++this.#groups : 0
    if (name !== undefined) this.#names.set(name, index)
    const inner = this.#either({
      i: (flags.i || on.includes('i')) && !off.includes('i'),
      m: (flags.m || on.includes('m')) && !off.includes('m'),
      s: (flags.s || on.includes('s')) && !off.includes('s'),
    })
    this.#at++
    this.#depth--
    return captures ? { ...inner, node: { kind: 'group', of: inner.node, index }, size: inner.size + 2 } : inner
  }

  #escape(flags: Flags): Read {
    const text = this.#take(ESCAPE)![0]
    const kind = text[1]!
    if (kind === 'b' || kind === 'B') return leaf({ kind: 'assert', what: kind === 'b' ? 'word' : 'no-word' })
    if ('dDwWpPsS'.includes(kind)) return this.#set(text, flags)
    const hex = /^\\(?:x|u\{)([0-9a-f]+)/.exec(text)
    const code = hex === null ? (CONTROLS[kind] ?? kind.codePointAt(0)!) : Number.parseInt(hex[1]!, 16)
    return this.#literal(String.fromCodePoint(code), flags)
  }

  #literal(char: string, { i }: Flags): Read {
    const code = char.codePointAt(0)!
    if (!i) return leaf({ kind: 'char', code })
    return leaf({ kind: 'set', set: { source: `\\u{${code.toString(16)}}`, ignoresCase: true } })
  }

  #set(source: string, { i }: Flags): Read {
    return leaf({ kind: 'set', set: { source, ignoresCase: i } })
  }
}

function leaf(node: RegexNode): Read {
  return { node, size: 1, repeats: 1 }
}

function sum(node: RegexNode, parts: readonly Read[]): Read {
  if (parts.length === 0) return NOTHING
  let size = parts.length
  let repeats = 1
  for (const part of parts) {
    size += part.size
    if (part.repeats > repeats) repeats = part.repeats
  }
  return { node, size: bounded(size), repeats }
}

function bounded(size: number): number {
  if (size > MAX_SIZE) throw new SyntaxError('expression too large')
  return size
}
