/**
 * A SOCKS5 proxy for tests, after RFC 1928 and RFC 1929: CONNECT alone, with a name and a password or without.
 *
 * It is no real one: what it calls a place (`far.example:80`) is where `places` says, so that a name which only the proxy knows
 * can be asked for. Any other place is asked for as it is.
 */
import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import type { World } from './world.test-support.ts'

export type SocksOptions = {
  readonly password?: string
  readonly places?: Readonly<Record<string, string>>
  /** What is answered instead of connecting; 0 is success. */
  readonly reply?: number
}

/** What a client asked for: the ways of authentication it offered, who it said it was, and where it wanted to go. */
export type SocksAsked = {
  readonly methods: readonly number[]
  readonly who?: string
  readonly place: string
  readonly type: string
}

const ADDRESS_TYPES: Readonly<Record<number, string>> = { 1: 'IPv4', 3: 'name', 4: 'IPv6' }

/** `host:port` of a proxy that lives as long as `world`. `asked` gets each request that came so far. */
export async function socksServer(world: World, asked: SocksAsked[], options: SocksOptions = {}): Promise<string> {
  return await world.tcp((socket) => void converse(socket, asked, options).catch(() => socket.destroy()))
}

async function converse(socket: Socket, asked: SocksAsked[], { password, places = {}, reply = 0 }: SocksOptions) {
  const take = taker(socket)
  const [version = 0, count = 0] = await take(2)
  if (version !== 5) throw new Error(`version ${version}`)
  const methods = [...(await take(count))]
  const method = password === undefined ? 0 : 2
  if (!methods.includes(method)) return void socket.end(Buffer.of(5, 0xff))
  socket.write(Buffer.of(5, method))
  let who: string | undefined
  if (method === 2) {
    const [, nameLength = 0] = await take(2)
    const name = (await take(nameLength)).toString()
    const [passwordLength = 0] = await take(1)
    const given = (await take(passwordLength)).toString()
    if (given !== password) return void socket.end(Buffer.of(1, 1))
    socket.write(Buffer.of(1, 0))
    who = `${name}:${given}`
  }
  const [, command, , type = 0] = await take(4)
  const host = await addressOf(type, take)
  const place = `${host}:${(await take(2)).readUInt16BE()}`
  asked.push({ methods, ...(who === undefined ? {} : { who }), place, type: ADDRESS_TYPES[type] ?? `type ${type}` })
  if (command !== 1 || reply !== 0)
    return void socket.end(Buffer.of(5, command === 1 ? reply : 7, 0, 1, 0, 0, 0, 0, 0, 0))
  const [, to = '', port = ''] = /^(.*):(\d+)$/.exec(places[place] ?? place) ?? []
  const upstream = connect(Number(port), to)
  socket.on('close', () => upstream.destroy())
  await once(upstream, 'connect').catch((cause: unknown) => {
    socket.end(Buffer.of(5, 5, 0, 1, 0, 0, 0, 0, 0, 0))
    throw cause
  })
  upstream.on('error', () => socket.destroy())
  socket.write(Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0))
  socket.pipe(upstream).pipe(socket)
}

async function addressOf(type: number, take: (count: number) => Promise<Buffer>): Promise<string> {
  if (type === 1) return (await take(4)).join('.')
  if (type === 4) {
    const text = (await take(16))
      .toString('hex')
      .match(/..../g)!
      .map((group) => Number.parseInt(group, 16).toString(16))
      .join(':')
    if (isIP(text) !== 6) throw new Error(text)
    return `[${text}]`
  }
  const [length = 0] = await take(1)
  return (await take(length)).toString()
}

/** Reads exactly as many bytes as asked for, and leaves the others to whoever reads next. */
function taker(socket: Socket): (count: number) => Promise<Buffer> {
  return async (count) => {
    if (count === 0) return Buffer.alloc(0)
    for (;;) {
      const bytes: Buffer | null = socket.read(count)
      if (bytes !== null && bytes.length === count) return bytes
      if (socket.readableEnded) throw new Error('it was cut off')
      await Promise.race([
        once(socket, 'readable'),
        once(socket, 'close').then(() => Promise.reject(new Error('closed'))),
      ])
    }
  }
}
