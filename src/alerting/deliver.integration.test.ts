/** Messages over real SMTP and real HTTP, with receivers that refuse, hang and are down. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { silentLog, systemClock } from '#core'
import { memoryState } from '#state'
import { DeliveryError, deliverTo } from './deliver.ts'
import { createNotifier } from './notifier.ts'
import { outboxWrite } from './outbox.ts'
import type { EmailReceiver, Notification } from './types.ts'

const signal = new AbortController().signal
const note = (id: string, more: Partial<Notification> = {}): Notification => ({
  id,
  receiver: 'support',
  subject: `[workshop] CRM errors above 5 %: ${id}`,
  body: 'Since 12:00.\n.\nA line with a dot alone does not end it.\n',
  details: { incident: 'crmErrors-1' },
  ...more,
})

/** The package has no types; this is what is used of it. */
type SmtpServer = {
  listen(port: number, host: string, done: () => void): void
  close(done: () => void): void
  readonly server: { address(): AddressInfo }
}
type SmtpOptions = {
  readonly authOptional: boolean
  readonly disabledCommands: readonly string[]
  readonly onRcptTo: (address: { address: string }, session: unknown, done: (error?: Error) => void) => void
  readonly onData: (stream: NodeJS.ReadableStream, session: unknown, done: (error?: Error) => void) => void
}

async function openSmtp(refuse: (to: string) => number | undefined = () => undefined) {
  const name: string = 'smtp-server'
  const { SMTPServer } = (await import(name)) as { SMTPServer: new (options: SmtpOptions) => SmtpServer }
  const mails: string[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo({ address }, _, done) {
      const responseCode = refuse(address)
      done(responseCode === undefined ? undefined : Object.assign(new Error('refused'), { responseCode }))
    },
    onData(stream, _, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        mails.push(Buffer.concat(chunks).toString('utf8'))
        done()
      })
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const spec: EmailReceiver = {
    kind: 'email',
    name: 'support',
    to: 'support@workshop.example',
    from: 'assay <assay@workshop.example>',
    smtp: `smtp://127.0.0.1:${server.server.address().port}`,
  }
  return {
    spec,
    mails,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(resolve)),
  }
}

async function openHttp(status: () => number) {
  const got: { readonly body: unknown; readonly key: string | undefined }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      got.push({
        body: JSON.parse(Buffer.concat(chunks).toString('utf8')),
        key: request.headers['idempotency-key']?.toString(),
      })
      response.writeHead(status(), { connection: 'close' }).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/hook/secret?token=secret`,
    got,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const plain = (text: string | { readonly env: string }) => (typeof text === 'string' ? text : '')

test('a mail arrives over SMTP with its subject, its text and an id that a repeat shares', async () => {
  await using smtp = await openSmtp()
  const deliver = deliverTo(smtp.spec, plain)
  await deliver(note('a1'), signal)
  await deliver(note('a1'), signal)
  assert.equal(smtp.mails.length, 2)
  const [first = '', second = ''] = smtp.mails
  assert.match(first, /^Subject: \[workshop\] CRM errors above 5 %: a1\r$/m)
  assert.match(first, /A line with a dot alone does not end it\./)
  const id = /^Message-ID: (.*)\r$/m.exec(first)?.[1]
  assert.equal(id, '<a1@workshop.example>')
  assert.equal(/^Message-ID: (.*)\r$/m.exec(second)?.[1], id)
})

test('a subject can’t bring in another header', async () => {
  await using smtp = await openSmtp()
  await deliverTo(smtp.spec, plain)(note('a1', { subject: 'one\r\nBcc: everybody@example.org' }), signal)
  assert.doesNotMatch(smtp.mails[0] ?? '', /^Bcc:/m)
})

for (const { code, permanent } of [
  { code: 550, permanent: true },
  { code: 451, permanent: false },
]) {
  test(`a recipient refused with ${code} is ${permanent ? 'refused for good' : 'tried again'}`, async () => {
    await using smtp = await openSmtp(() => code)
    await assert.rejects(deliverTo(smtp.spec, plain)(note('a'), signal), (error) => {
      assert.ok(error instanceof DeliveryError)
      assert.equal(error.permanent, permanent)
      return true
    })
  })
}

for (const { status, ok, permanent } of [
  { status: 204, ok: true, permanent: false },
  { status: 404, ok: false, permanent: true },
  { status: 429, ok: false, permanent: false },
  { status: 503, ok: false, permanent: false },
]) {
  test(`a webhook that answers ${status}: ${ok ? 'delivered' : permanent ? 'refused for good' : 'tried again'}`, async () => {
    await using http = await openHttp(() => status)
    const sent = deliverTo({ kind: 'webhook', name: 'hook', url: http.url }, plain)(note('a'), signal)
    if (ok) await sent
    else {
      await assert.rejects(sent, (error) => {
        assert.ok(error instanceof DeliveryError)
        assert.equal(error.permanent, permanent)
        assert.doesNotMatch(error.message, /secret/)
        return true
      })
    }
    assert.deepEqual(http.got, [{ body: note('a'), key: 'a' }])
  })
}

test('a receiver that takes the connection and says nothing is left at the deadline', async () => {
  const sockets: Socket[] = []
  const silent = createTcpServer((socket) => void sockets.push(socket.on('error', () => {})))
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const stop = AbortSignal.timeout(300)
  const spec: EmailReceiver = {
    kind: 'email',
    name: 's',
    to: 'a@b.example',
    from: 'a@b.example',
    smtp: `smtp://127.0.0.1:${port}`,
  }
  await assert.rejects(deliverTo(spec, plain)(note('a'), stop))
  await assert.rejects(
    deliverTo({ kind: 'webhook', name: 'h', url: `http://127.0.0.1:${port}/` }, plain)(note('a'), stop),
  )
  // The mailer leaves its socket to its own time limit.
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => silent.close(resolve))
})

test('a receiver that is down gets all in order once it is back', async () => {
  let down = true
  await using http = await openHttp(() => (down ? 503 : 200))
  const state = memoryState()
  await using notifier = createNotifier({
    receivers: [{ kind: 'webhook', name: 'support', url: http.url }],
    state,
    clock: systemClock,
    log: silentLog,
    backoff: { firstMs: 20, factor: 1, maxMs: 20 },
  })
  await state.write(['a', 'b', 'c'].map((id) => outboxWrite(note(id))))
  notifier.wake()
  while (http.got.length < 3) await systemClock.sleep(5)
  down = false
  while ((await state.list('outbox')).length > 0) await systemClock.sleep(5)
  const keys = http.got.map(({ key }) => key)
  assert.deepEqual([...new Set(keys.slice(0, -3))], ['a'])
  assert.deepEqual(keys.slice(-3), ['a', 'b', 'c'])
})
