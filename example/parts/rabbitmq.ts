/**
 * A RabbitMQ broker of our own: the system's program, but our directory, our ports, our name service (epmd), loopback alone.
 *
 * - The configuration is one file of Erlang terms. Busy waiting is off: on a small machine it costs a core.
 * - epmd is started by us in the foreground, so that it is ours to stop; Erlang would leave a daemon behind.
 */
import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { DemoError } from '../demo-error.ts'
import { type Child, startChild, untilReady, type Workplace } from '../processes/child.ts'

export type RabbitmqPorts = {
  readonly amqp: number
  readonly management: number
  readonly prometheus: number
  readonly epmd: number
  readonly distribution: number
}

export type RabbitmqOptions = {
  readonly place: Workplace
  readonly dir: string
  readonly ports: RabbitmqPorts
  readonly user: string
  readonly password: string
  /** Both when absent. */
  readonly plugins?: readonly Plugin[]
  readonly signal: AbortSignal
}

export type Plugin = 'rabbitmq_management' | 'rabbitmq_prometheus'

export interface Rabbitmq extends AsyncDisposable {
  readonly child: Child
  readonly epmd: Child
}

/** Rejects with `ASSAY_DEMO_NO_RABBITMQ` or `ASSAY_DEMO_PART`. Ready when AMQP and every plugin answer. */
export async function startRabbitmq(options: RabbitmqOptions): Promise<Rabbitmq> {
  const { place, dir, ports, user, password, signal } = options
  const enabled = options.plugins ?? ['rabbitmq_management', 'rabbitmq_prometheus']
  const server = programOf('rabbitmq-server', ['/usr/lib/rabbitmq/bin/rabbitmq-server'])
  const epmdProgram = programOf('epmd', ['/usr/bin/epmd'])
  if (server === undefined || epmdProgram === undefined)
    throw new DemoError(
      'ASSAY_DEMO_NO_RABBITMQ',
      'RabbitMQ is not installed; on Debian: apt-get install rabbitmq-server, on macOS: brew install rabbitmq',
    )
  mkdirSync(dir, { recursive: true })
  const config = join(dir, 'rabbitmq.config')
  const plugins = join(dir, 'enabled_plugins')
  writeFileSync(config, configOf(ports, user, password, enabled), { mode: 0o600 })
  writeFileSync(plugins, `[${enabled.join(',')}].\n`)
  await using owned = new AsyncDisposableStack()
  const names = { ERL_EPMD_ADDRESS: '127.0.0.1', ERL_EPMD_PORT: String(ports.epmd) }
  const epmd = owned.use(
    await startChild(place, {
      name: 'epmd',
      argv: [epmdProgram, '-port', String(ports.epmd), '-address', '127.0.0.1'],
      patienceMs: 500,
    }),
  )
  const child = owned.use(
    await startChild(place, {
      name: 'rabbitmq',
      argv: [server],
      cwd: dir,
      // The management plugin alone takes 5 s to stop.
      patienceMs: 8000,
      env: {
        ...names,
        HOME: dir,
        RABBITMQ_NODENAME: 'demo@localhost',
        RABBITMQ_CONF_ENV_FILE: join(dir, 'rabbitmq-env.conf'),
        RABBITMQ_CONFIG_FILE: config,
        RABBITMQ_ADVANCED_CONFIG_FILE: join(dir, 'advanced.config'),
        RABBITMQ_GENERATED_CONFIG_DIR: join(dir, 'generated'),
        RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
        RABBITMQ_MNESIA_BASE: join(dir, 'mnesia'),
        RABBITMQ_LOG_BASE: join(dir, 'log'),
        RABBITMQ_LOGS: '-',
        RABBITMQ_PID_FILE: join(dir, 'pid'),
        RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
        RABBITMQ_NODE_PORT: String(ports.amqp),
        RABBITMQ_DIST_PORT: String(ports.distribution),
        // The script then becomes the server instead of waiting for it, so the process we started is the one we stop.
        RABBITMQ_ALLOW_INPUT: '1',
        RABBITMQ_SERVER_START_ARGS: '-noinput -kernel inet_dist_use_interface {127,0,0,1}',
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none',
      },
    }),
  )
  const headers = { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
  const answers = async (url: string) => (await fetch(url, { headers, signal: AbortSignal.timeout(2000) })).ok
  const pages: Record<Plugin, string> = {
    rabbitmq_prometheus: `http://127.0.0.1:${ports.prometheus}/metrics`,
    rabbitmq_management: `http://127.0.0.1:${ports.management}/api/overview`,
  }
  const up = async () =>
    (await accepts(ports.amqp)) && (await Promise.all(enabled.map((plugin) => answers(pages[plugin])))).every(Boolean)
      ? true
      : undefined
  await untilReady(child, up, { timeoutMs: 60_000, signal })
  const all = owned.move()
  return { child, epmd, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** Whether somebody listens there. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

function configOf(ports: RabbitmqPorts, user: string, password: string, enabled: readonly Plugin[]): string {
  // The broker refuses to start with settings of a plugin that is off.
  const settings: Record<Plugin, number> = {
    rabbitmq_management: ports.management,
    rabbitmq_prometheus: ports.prometheus,
  }
  const plugins = enabled.map(
    (name) => `,\n  {${name}, [{tcp_config, [{ip, "127.0.0.1"}, {port, ${settings[name]}}]}]}`,
  )
  return `[
  {rabbit, [
    {tcp_listeners, [{"127.0.0.1", ${ports.amqp}}]},
    {default_user, <<"${user}">>},
    {default_pass, <<"${password}">>},
    {loopback_users, []},
    {vm_memory_high_watermark, {absolute, 402653184}},
    {disk_free_limit, 52428800},
    {collect_statistics_interval, 1000}
  ]}${plugins.join('')}
].
`
}

/** Debian's program in sbin changes the user and the environment: the one behind it comes first. */
function programOf(name: string, known: readonly string[]): string | undefined {
  const inPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name))
  return [...known, ...inPath].find((path) => existsSync(path) && isExecutable(path))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
