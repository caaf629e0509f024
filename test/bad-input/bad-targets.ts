/**
 * Targets that do everything wrong that a target can do, and what the scraper has to say of each: one entry a case.
 *
 * `reply` is called for each scrape of the case. `down` absent: the page has to be taken.
 */
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { histogramOf } from '../../src/remote/histograms.test-support.ts'
import { encodeFamilies } from '../../src/scrape/encode-families.test-support.ts'

export type BadTarget = {
  readonly name: string
  readonly reply: (response: ServerResponse, n: number) => void
  /** More keys of the job, in YAML's flow style. */
  readonly settings?: string
  /** What `lastError` has to say: the place, and what to do. */
  readonly down?: RegExp
  /** `scrape_samples_scraped`; absent: not looked at. */
  readonly scraped?: number
  /** `scrape_body_size_bytes`. */
  readonly sizeBytes?: number
  /** Expressions and their first value, `undefined` for no series; `$` stands for the selector of the job. */
  readonly finds?: readonly (readonly [query: string, value: string | undefined])[]
}

const TEXT = 'text/plain; version=0.0.4; charset=utf-8'
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
const PROTOBUF = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
const MB = 2 ** 20

const page =
  (body: string | Buffer, type = TEXT, headers: Readonly<Record<string, string>> = {}): BadTarget['reply'] =>
  (response) =>
    void response.writeHead(200, { ...(type === '' ? {} : { 'content-type': type }), ...headers }).end(body)
/** Bytes as they are, instead of an HTTP answer. */
const raw =
  (bytes: string | Buffer): BadTarget['reply'] =>
  (response) =>
    void response.socket?.end(bytes)
/** A block over and over, as fast as it is taken, until the other side has had enough. */
const endless =
  (block: Buffer): BadTarget['reply'] =>
  (response) => {
    response.writeHead(200, { 'content-type': TEXT })
    const more = () => {
      while (!response.destroyed && response.write(block));
    }
    response.on('drain', more)
    more()
  }
const trickle =
  (byte: string, everyMs: number): BadTarget['reply'] =>
  (response) => {
    response.writeHead(200, { 'content-type': TEXT })
    const timer = setInterval(() => response.write(byte), everyMs)
    response.on('close', () => clearInterval(timer))
  }

/** Of what is work even for a machine with nothing else to do, the time is not to be the reason. */
const HEAVY = 'scrape_interval: 10s, scrape_timeout: 10s'

const lines = (count: number, line: (i: number) => string) =>
  Buffer.from(Array.from({ length: count }, (_, i) => `${line(i)}\n`).join(''))
/** Lines of about 10 kB: many bytes, few samples. */
const wide = (sizeBytes: number) =>
  lines(Math.ceil(sizeBytes / 10_240), (i) => `wide{i="${i}",x="${'x'.repeat(10_216)}"} 1`)
const bomb = gzipSync(Buffer.alloc(200 * MB, 0x0a), { level: 9 })

/** A family whose message says that it is longer, or shorter, than it is. */
const family = encodeFamilies([{ name: 'lie', type: 'gauge', metrics: [{ value: 1 }] }])
const native = encodeFamilies([
  { name: 'lie', type: 'histogram', metrics: [{ native: histogramOf({ counts: [1, 2, 3] }) }] },
])

const LARGE: readonly BadTarget[] = [
  {
    name: 'a label of a megabyte',
    reply: page(`large{x="${'y'.repeat(MB)}"} 1\n`),
    scraped: 1,
    finds: [['count(large{x=~"y+",$})', '1']],
  },
  {
    name: 'a label of a megabyte, with a limit',
    reply: page(`large{x="${'y'.repeat(MB)}"} 1\n`),
    settings: 'label_value_length_limit: 1000',
    down: /a value of the label x of large is longer than label_value_length_limit, 1000; .*: raise the limit, or drop/,
    scraped: 1,
  },
  {
    name: 'ten thousand labels',
    reply: page(`large{${Array.from({ length: 10_000 }, (_, i) => `l${i}="v"`).join()}} 1\n`),
    scraped: 1,
    finds: [['count(large{l9999="v",$})', '1']],
  },
  {
    name: 'ten thousand labels, with a limit',
    reply: page(`large{${Array.from({ length: 10_000 }, (_, i) => `l${i}="v"`).join()}} 1\n`),
    settings: 'label_limit: 100',
    down: /large has 10003 labels, label_limit is 100; .*: raise the limit, or drop/,
  },
  {
    name: 'a name of a megabyte',
    reply: page(`${'n'.repeat(MB)} 1\n`),
    scraped: 1,
  },
  {
    name: '100 MB without a limit of their own',
    reply: page(wide(100 * MB)),
    settings: HEAVY,
    down: /the answer is not smaller than 52428800 bytes \(body_size_limit\); let the target send fewer series, or raise/,
    scraped: 0,
    sizeBytes: -1,
  },
  {
    name: '100 MB with body_size_limit',
    reply: page(wide(100 * MB)),
    settings: `${HEAVY}, body_size_limit: 1MB`,
    down: /the answer is not smaller than 1048576 bytes \(body_size_limit\)/,
    sizeBytes: -1,
  },
  {
    name: 'more samples than a page may have',
    reply: page(lines(500_001, (i) => `many{i="${i}"} 1`)),
    settings: HEAVY,
    down: /has more than 500000 samples/,
  },
  {
    name: 'more samples than sample_limit',
    reply: page(lines(101, (i) => `many{i="${i}"} 1`)),
    settings: 'sample_limit: 100',
    down: /the page has 101 samples, sample_limit is 100; the whole scrape is refused/,
    scraped: 101,
    finds: [['count(many{$})', undefined]],
  },
  {
    name: 'a page that never ends',
    reply: endless(wide(MB)),
    settings: HEAVY,
    down: /the answer is not smaller than 52428800 bytes/,
    sizeBytes: -1,
  },
  {
    name: 'a line that never ends',
    reply: endless(Buffer.alloc(MB, 'x')),
    settings: HEAVY,
    down: /the answer is not smaller than 52428800 bytes/,
  },
  {
    name: 'a gzip bomb',
    reply: page(bomb, TEXT, { 'content-encoding': 'gzip' }),
    settings: HEAVY,
    down: /the answer is not smaller than 52428800 bytes/,
    sizeBytes: -1,
  },
  {
    name: 'a gzip bomb in a gzip bomb',
    reply: page(gzipSync(bomb), TEXT, { 'content-encoding': 'gzip' }),
    down: /^1:1: a metric name was expected/,
  },
]

const SLOW: readonly BadTarget[] = [
  {
    name: 'one byte a second',
    reply: trickle('a', 1000),
    settings: 'scrape_interval: 4s, scrape_timeout: 3s',
    down: /no whole answer within 3s; [123] bytes had come, and no end/,
  },
  { name: 'a comment that grows byte by byte', reply: trickle('#', 20), down: /no whole answer within 1s; \d\d bytes/ },
  { name: 'no answer at all', reply: () => undefined, down: /no whole answer within 1s; nothing had come; is it/ },
  {
    name: 'headers that never end',
    reply(response) {
      response.socket?.write('HTTP/1.1 200 OK\r\n')
      const timer = setInterval(() => response.socket?.write('X-A: b\r\n'), 100)
      response.socket?.on('close', () => clearInterval(timer))
    },
    down: /no whole answer within 1s/,
  },
  {
    name: 'headers first, then nothing',
    reply: (response) => void response.writeHead(200, { 'content-type': TEXT }).flushHeaders(),
    down: /no whole answer within 1s; 0 bytes had come/,
  },
]

const BROKEN_HTTP: readonly BadTarget[] = [
  { name: 'the connection closed at once', reply: raw(''), down: /closed the connection without an answer/ },
  { name: 'what is not HTTP', reply: raw('SSH-2.0-OpenSSH_9.2\r\n'), down: /answers, but not in HTTP/ },
  {
    name: 'half a page, then the end',
    reply(response) {
      response.writeHead(200, { 'content-type': TEXT, 'content-length': '100' }).write('half 1\n')
      setImmediate(() => response.socket?.destroy())
    },
    down: /the target closed the connection after \d+ bytes, before the page was complete/,
    finds: [['half{$}', undefined]],
  },
  {
    name: 'half a chunk, then the end',
    reply: raw(`HTTP/1.1 200 OK\r\nContent-Type: ${TEXT}\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nhalf 1\n`),
    down: /the target closed the connection after 7 bytes, before the page was complete/,
  },
  {
    name: 'chunks whose lengths are none',
    reply: raw(`HTTP/1.1 200 OK\r\nContent-Type: ${TEXT}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf 1\n`),
    down: /before the page was complete|not in HTTP/,
  },
  {
    name: 'half of a gzip stream',
    reply: page(gzipSync('a 1\n'.repeat(10_000)).subarray(0, 40), TEXT, { 'content-encoding': 'gzip' }),
    down: /says it is gzip, but it is not, or it was cut off/,
  },
  {
    name: 'gzip that is none',
    reply: page('a 1\n', TEXT, { 'content-encoding': 'gzip' }),
    down: /says it is gzip, but it is not/,
  },
  {
    name: 'a compression nobody asked for',
    reply: page('a 1\n', TEXT, { 'content-encoding': 'br' }),
    down: /compressed with "br", which was not asked for; gzip was/,
  },
  {
    name: 'a flood of headers',
    reply: raw(`HTTP/1.1 200 OK\r\n${`X-Flood: ${'y'.repeat(1000)}\r\n`.repeat(2000)}\r\na 1\n`),
    down: /sends more headers than fit/,
  },
  {
    name: 'a redirect to itself',
    reply: (response) => void response.writeHead(302, { location: '' }).end(),
    down: /redirect/,
  },
  {
    name: 'a status that is no success, with a page',
    reply: (response) => void response.writeHead(500, { 'content-type': TEXT }).end('a 1\n'),
    down: /the target answers 500 Internal Server Error, not 200/,
    finds: [['a{$}', undefined]],
  },
  {
    name: 'headers of a mega byte each, in lines that are none',
    reply: raw(`HTTP/1.1 200 OK\r\nX: ${'\u0000'.repeat(100)}\r\n\r\na 1\n`),
    down: /not in HTTP/,
  },
]

const now = Date.now()
const WRONG_PAGES: readonly BadTarget[] = [
  {
    name: 'time that runs backwards',
    reply: (response, n) => page(`back ${n} ${now - n * 10_000}\nhere 1\n`)(response, n),
    scraped: 2,
    // The first one stays; what is older is refused and counted, and the rest of the page is taken.
    finds: [
      ['count(count_over_time(back{$}[1h]) == 1)', '1'],
      ['here{$}', '1'],
    ],
  },
  {
    name: 'time at its ends',
    reply: page('a 1 9223372036854775807\nc 1 0\nhere 1\n'),
    finds: [
      ['here{$}', '1'],
      ['a{$} or c{$}', undefined],
    ],
  },
  {
    name: 'a timestamp before all time',
    reply: page('a 1\nb 1 -9223372036854775808\n'),
    down: /^2:5: a timestamp in whole milliseconds was expected, in "b 1 -9223372036854775808"$/,
  },
  {
    name: 'a timestamp beyond all time',
    reply: page('a 1\nb 1 9223372036854775808\n'),
    down: /^2:5: the timestamp is out of range/,
  },
  {
    name: 'a timestamp that is none',
    reply: page('a 1\nb 1 12:30\n'),
    down: /^2:\d+: .*12:30/,
    finds: [['a{$}', undefined]],
  },
  {
    name: 'numbers at their ends',
    reply: page(
      'v{v="nan"} NaN\nv{v="inf"} +Inf\nv{v="ninf"} -Inf\nv{v="zero"} -0\nv{v="max"} 1.7976931348623157e308\nv{v="min"} 5e-324\nv{v="under"} 1e-999\n',
    ),
    scraped: 7,
    finds: [
      ['v{v="nan",$}', 'NaN'],
      ['v{v="inf",$}', '+Inf'],
      ['v{v="ninf",$}', '-Inf'],
      ['v{v="zero",$}', '-0'],
      ['v{v="max",$}', '1.7976931348623157e+308'],
      ['v{v="min",$}', '5e-324'],
      ['v{v="under",$}', '0'],
    ],
  },
  {
    name: 'a number beyond the doubles',
    reply: page('a 1\nb 1e999\n'),
    down: /^2:3: .*1e999/,
    scraped: 1,
    finds: [['a{$}', undefined]],
  },
  {
    name: 'a number of a megabyte',
    reply: page(`a ${'9'.repeat(MB)}\n`),
    down: /^1:3: /,
  },
  {
    name: 'one series twice',
    reply: page('twice{a="1"} 1\ntwice{a="1"} 2\nhere 1\n'),
    scraped: 3,
    finds: [
      ['twice{$}', '1'],
      ['here{$}', '1'],
    ],
  },
  {
    name: 'a value that is not UTF-8',
    reply: page(Buffer.from([...Buffer.from('good 1\nbad{a="'), 0xff, 0xfe, ...Buffer.from('"} 1\n')])),
    down: /^2:\d+: .*UTF-8/,
    finds: [['good{$}', undefined]],
  },
  {
    name: 'a help text that is not UTF-8',
    reply: page(Buffer.from([...Buffer.from('# HELP good '), 0xff, ...Buffer.from('\ngood 1\n')])),
    down: /^1:\d+: .*UTF-8/,
  },
  {
    name: 'a name that is not UTF-8',
    reply: page(Buffer.from([...Buffer.from('{"'), 0xc3, 0x28, ...Buffer.from('"} 1\n')])),
    down: /^1:\d+: .*UTF-8/,
  },
  { name: 'bytes of zero', reply: page(Buffer.alloc(1000)), down: /^1:1: / },
  { name: 'a web page', reply: page('<!doctype html><html></html>\n'), down: /^1:1: / },
  { name: 'OpenMetrics without its end', reply: page('a 1\n', OPEN_METRICS), down: /^\d+:\d+: .*# EOF/ },
  {
    name: 'more behind the end of OpenMetrics',
    reply: page('a 1\n# EOF\nb 1\n', OPEN_METRICS),
    down: /^[23]:\d+: .*# EOF/,
  },
  { name: 'nothing at all', reply: page(''), scraped: 0, finds: [['up{$}', '1']] },
  {
    name: 'a content type of another kind',
    reply: page('a 1\n', 'application/json'),
    down: /application\/json.*fallback_scrape_protocol/,
    finds: [['a{$}', undefined]],
  },
  {
    name: 'a content type of another kind, with a fallback',
    reply: page('a 1\n', 'application/json'),
    settings: 'fallback_scrape_protocol: PrometheusText0.0.4',
    scraped: 1,
    finds: [['a{$}', '1']],
  },
  { name: 'no content type', reply: page('a 1\n', ''), down: /fallback_scrape_protocol/ },
  {
    name: 'a content type that is none, of 8 kB',
    reply: page('a 1\n', ';=;'.repeat(2700)),
    down: /fallback_scrape_protocol/,
  },
]

const lying = (length: number[], body: Buffer = family.subarray(1)) => page(Buffer.from([...length, ...body]), PROTOBUF)
const PROTOBUFS: readonly BadTarget[] = [
  {
    name: 'a message that says it has 4 GB',
    reply: lying([0xff, 0xff, 0xff, 0xff, 0x0f]),
    down: /byte 5: a length of 4294967295/,
  },
  {
    name: 'a message that says it is longer than it is',
    reply: lying([family[0]! + 1]),
    down: /byte 1: a length of \d+ goes beyond/,
  },
  { name: 'a message that says it is shorter than it is', reply: lying([family[0]! - 1]), down: /byte \d+: / },
  {
    name: 'a length of eleven bytes',
    reply: lying(Array(11).fill(0xff)),
    down: /byte 10: a number has more than ten bytes/,
  },
  {
    name: 'spans that say there are two billion buckets',
    reply: page(Buffer.from(native.map((byte, i) => (i === native.length - 8 ? byte | 0x80 : byte))), PROTOBUF),
    settings: 'scrape_native_histograms: true',
    down: /byte \d+: |histogram/,
  },
  { name: 'text that says it is protobuf', reply: page('a 1\n', PROTOBUF), down: /byte \d+: / },
]

export const BAD_TARGETS: readonly BadTarget[] = [...LARGE, ...SLOW, ...BROKEN_HTTP, ...WRONG_PAGES, ...PROTOBUFS]
/** Places of those that never answer. */
export const SLOW_TARGETS: ReadonlySet<number> = new Set(SLOW.map((_, i) => LARGE.length + i))
