/** The stub's incidents, tickets and policies: what happened in each scenario, told at a given instant. */
import type { World } from './company.ts'
import type { Condition, IncidentWire, PolicyWire, TicketWire, TimelineWire } from './wire.ts'

const iso = (seconds: number) => new Date(seconds * 1000).toISOString()

const LATENCY: Condition = {
  expr: 'histogram_quantile(0.95, sum by (le) (rate(http_server_request_duration_seconds_bucket{job="mes"}[1m]))) > 0.5',
  measure: 'histogram_quantile(0.95, sum by (le) (rate(http_server_request_duration_seconds_bucket{job="mes"}[1m])))',
  op: '>',
  threshold: 0.5,
  unit: 'seconds',
  title: 'p95 latency of mes',
}
const RATE: Condition = {
  expr: 'mes:rate:per_instance > 40',
  measure: 'sum(rate(http_server_request_duration_seconds_count{job="mes"}[1m])) / count(up{job="mes"})',
  op: '>',
  threshold: 40,
  unit: 'per_second',
  title: 'rate per instance of mes',
}
const ERRORS: Condition = {
  expr: 'crm:errors:ratio > 0.05',
  measure:
    'sum(rate(http_server_request_duration_seconds_count{job="crm",http_response_status_code=~"5.."}[1m])) / sum(rate(http_server_request_duration_seconds_count{job="crm"}[1m]))',
  op: '>',
  threshold: 0.05,
  unit: 'ratio',
  title: 'share of errors of crm',
}
const BUSY: Condition = {
  expr: 'crm:saturation > 0.8',
  measure: 'sum(rate(process_cpu_seconds_total{job="crm"}[1m])) / sum(process_cpu_limit_cores{job="crm"})',
  op: '>',
  threshold: 0.8,
  unit: 'ratio',
  title: 'saturation of crm',
}

const RAILS = [
  { rail: 'fresh data', allow: true, reason: 'data is 4 s old' },
  { rail: 'bounds', allow: true, reason: '3 is within min 1 and max 4' },
  { rail: 'cooldown', allow: true, reason: 'no scaling of mes in the last 10 min' },
  { rail: 'one at a time', allow: true, reason: 'nothing else acts on mes' },
  { rail: 'budget', allow: true, reason: '2 of 5 actions used this hour' },
  { rail: 'blast radius', allow: true, reason: '1 of 8 parts acted upon' },
  { rail: 'dependencies', allow: true, reason: 'mes db, broker and models answer' },
  { rail: 'mode', allow: true, reason: 'policy mesBusy is auto' },
]

export function incidents(world: World, now: number): readonly IncidentWire[] {
  const { t0 } = world
  const past = (
    id: string,
    ago: number,
    lasted: number,
    policy: string,
    title: string,
    parts: readonly string[],
    condition: Condition,
  ): IncidentWire => ({
    id,
    policy,
    title,
    parts,
    state: 'resolved',
    openedAt: iso(now - ago),
    resolvedAt: iso(now - ago + lasted),
    condition,
    forMs: 120_000,
    activeAt: iso(now - ago - 120),
    value: condition.threshold * 0.6,
    ticket: null,
    cause: null,
    approval: null,
    verifyUntil: null,
    timeline: [
      { at: iso(now - ago), kind: 'detected', text: `${title}.` },
      {
        at: iso(now - ago + 60),
        kind: 'acted',
        text: 'Restarted crm, one instance after the other, in 9.1 s.',
        action: 'a1',
        rails: RAILS.slice(0, 4),
      },
      { at: iso(now - ago + lasted), kind: 'resolved', text: 'Healthy for 2 min. Resolved.' },
    ],
  })
  if (world.scenario === 'empty') return []
  const old = [
    past('116', 43_200, 3300, 'crmErrors', 'crm answers with errors', ['crm'], ERRORS),
    past('115', 72_000, 1000, 'crmSaturated', 'crm is saturated', ['crm'], BUSY),
  ]
  if (world.scenario === 'well') return old
  if (world.scenario === 'crm-db-blind') {
    return [
      {
        id: '119',
        policy: 'crmDbDown',
        title: "crm db can't be reached",
        parts: ['crmDb', 'crm'],
        state: 'escalated',
        openedAt: iso(t0 + 20),
        resolvedAt: null,
        condition: null,
        forMs: 15_000,
        activeAt: iso(t0 + 5),
        value: null,
        ticket: '42',
        cause: null,
        approval: null,
        verifyUntil: null,
        timeline: [
          {
            at: iso(t0 + 20),
            kind: 'detected',
            text: 'crm db can\'t be reached: password authentication failed for user "assay".',
          },
          { at: iso(t0 + 21), kind: 'ticketed', text: 'Ticket #42 opened for developers.' },
          {
            at: iso(t0 + 22),
            kind: 'refused',
            text: 'crm is not restarted: its database is down, and a restart would not help.',
            rails: [{ rail: 'dependencies', allow: false, reason: 'crm db is down' }],
          },
          { at: iso(t0 + 140), kind: 'escalated', text: 'Nothing within the rails can help. A person is needed.' },
        ],
      },
      ...old,
    ]
  }
  const asked = world.scenario === 'approval'
  const resolved = world.scenario === 'resolved'
  const opened = t0 + 165
  const timeline: TimelineWire[] = [
    { at: iso(opened), kind: 'detected', text: 'p95 latency of mes is 640 ms, above 500 ms for 2 min.' },
    { at: iso(opened + 1), kind: 'ticketed', text: 'Ticket #41 opened for developers, with this page.' },
    { at: iso(opened + 1), kind: 'notified', text: 'Mail sent to developers@workshop.example.' },
  ]
  const proposed = {
    at: iso(opened + 58),
    kind: 'proposed',
    text: 'Scale mes from 2 to 3 instances: 46 requests per second and instance, above 40.',
    action: 'scale-mes-3',
    rails: RAILS,
  } as const
  if (asked) timeline.push(proposed)
  else {
    timeline.push(proposed, {
      at: iso(opened + 63),
      kind: 'acted',
      text: 'Scaled mes from 2 to 3 instances by pm2 in 1.9 s.',
      action: 'scale-mes-3',
      rails: RAILS,
    })
  }
  if (resolved) {
    timeline.push({
      at: iso(opened + 300),
      kind: 'verified',
      text: 'p95 latency of mes stayed below 500 ms for 2 min; errors of mes and shop are no worse.',
    })
    timeline.push({
      at: iso(opened + 301),
      kind: 'resolved',
      text: 'Resolved after 5 min. Ticket #41 closed with the proof.',
    })
  }
  return [
    {
      id: '118',
      policy: 'mesSlow',
      title: 'mes answers slowly',
      parts: ['mes'],
      state: resolved ? 'resolved' : asked ? 'open' : 'verifying',
      openedAt: iso(opened),
      resolvedAt: resolved ? iso(opened + 301) : null,
      condition: LATENCY,
      forMs: 120_000,
      activeAt: iso(opened - 120),
      value: resolved ? 0.24 : 0.64,
      ticket: '41',
      cause: null,
      approval: asked
        ? {
            action: 'scale-mes-3',
            text: 'Scale mes from 2 to 3 instances on pm2 (bounds 1 to 4)',
            expiresAt: iso(now + 252),
          }
        : null,
      verifyUntil: resolved || asked ? null : iso(now + 80),
      timeline,
    },
    ...old,
  ]
}

export function tickets(world: World, now: number): readonly TicketWire[] {
  const opened = world.t0 + 166
  if (world.scenario === 'empty' || world.scenario === 'well') return []
  if (world.scenario === 'crm-db-blind') {
    return [
      {
        id: '42',
        title: "crm db can't be reached",
        state: 'open',
        incident: '119',
        receiver: 'developers',
        openedAt: iso(world.t0 + 21),
        closedAt: null,
        comments: [
          {
            at: iso(world.t0 + 21),
            text: 'crm db refuses the password of user "assay". What to do: check CRM_DB_URL, or the role in PostgreSQL.\nServices that use it: crm.',
          },
        ],
      },
    ]
  }
  const done = world.scenario === 'resolved'
  return [
    {
      id: '41',
      title: 'mes answers slowly: p95 above 500 ms for 2 min',
      state: done ? 'closed' : 'open',
      incident: '118',
      receiver: 'developers',
      openedAt: iso(opened),
      closedAt: done ? iso(opened + 300) : null,
      comments: [
        {
          at: iso(opened),
          text: 'p95 latency of mes is 640 ms, above 500 ms since 2 min.\nRoutes: POST /price 81 % of the time.',
        },
        { at: iso(opened + 63), text: 'Scaled mes from 2 to 3 instances. Verifying.' },
        ...(done
          ? [
              {
                at: iso(opened + 300),
                text: 'Proof: p95 below 500 ms for 2 min, 240 ms now; errors of mes and shop no worse. Closed.',
              },
            ]
          : []),
      ],
    },
    {
      id: '39',
      title: 'crm answers with errors',
      state: 'closed',
      incident: '116',
      receiver: 'developers',
      openedAt: iso(now - 43_000),
      closedAt: iso(now - 40_000),
      comments: [{ at: iso(now - 43_000), text: 'Share of errors of crm is 7 %.' }],
    },
  ]
}

export function policies(world: World): readonly PolicyWire[] {
  const bad = world.scenario === 'mes-slow' || world.scenario === 'approval'
  const count = (n: number) => (world.scenario === 'empty' ? 0 : n)
  return [
    {
      id: 'mesSlow',
      title: 'mes answers slowly',
      parts: ['mes'],
      mode: 'auto',
      condition: LATENCY,
      forMs: 300_000,
      steps: [{ kind: 'ticket', receiver: 'developers' }],
      state: bad ? 'firing' : 'inactive',
      incidents: count(3),
    },
    {
      id: 'mesBusy',
      title: 'mes is busy',
      parts: ['mes'],
      mode: world.scenario === 'approval' ? 'suggest' : 'auto',
      condition: RATE,
      forMs: 120_000,
      steps: [
        {
          kind: 'scaleOut',
          part: 'mes',
          workload: 'mes',
          runtime: 'pm2',
          min: 1,
          max: 4,
          scaleInAfterMs: 300_000,
          scaleInBelow: 0.6,
        },
      ],
      state: bad ? 'pending' : 'inactive',
      incidents: count(1),
    },
    {
      id: 'crmErrors',
      title: 'crm answers with errors',
      parts: ['crm'],
      mode: 'auto',
      condition: ERRORS,
      forMs: 300_000,
      steps: [{ kind: 'notify', receiver: 'support' }],
      state: 'inactive',
      incidents: count(1),
    },
    {
      id: 'crmSaturated',
      title: 'crm is saturated',
      parts: ['crm'],
      mode: 'suggest',
      condition: BUSY,
      forMs: 300_000,
      steps: [{ kind: 'restart', part: 'crm', workload: 'crm', runtime: 'pm2', minHealthy: 1 }],
      state: world.scenario === 'crm-db-blind' ? 'unknown' : 'inactive',
      incidents: count(2),
    },
  ]
}
