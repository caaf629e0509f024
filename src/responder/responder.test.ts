import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBench, POLICIES, policyOf, restart, scaleOut } from './bench.ts'

test('a ticket is opened, its receiver is told, and health with data closes it with the proof', async () => {
  await using b = await openBench()
  b.measures['m_mesSlow'] = 150
  b.fire('mesSlow')
  await b.run(3)
  const [incident] = b.loop.incidents()
  assert.deepEqual(
    [incident?.state, incident?.title, incident?.value],
    ['open', 'mes is in trouble: mesSlow above 100/s', 150],
  )
  assert.equal(b.loop.tickets()[0]?.state, 'open')
  b.measures['m_mesSlow'] = 40
  b.fire()
  await b.run(4)
  assert.equal(b.loop.incidents()[0]?.state, 'open', 'not yet healthy for its hold time')
  await b.run(3)
  assert.deepEqual(b.kinds(), ['detected', 'ticketed', 'notified', 'verified', 'resolved', 'ticketed', 'notified'])
  const [ticket] = b.loop.tickets()
  assert.equal(ticket?.state, 'closed')
  assert.match(ticket?.comments.at(-1)?.text ?? '', /Rate of mes is 40\/s, not above 100\/s for 5 s/)
  assert.match(ticket?.comments.at(-1)?.text ?? '', /Before: 150\/s at its worst. After: 40\/s/)
  assert.deepEqual(
    (await b.outbox()).map(({ receiver, subject }) => [receiver, subject]),
    [
      ['developers', '[workshop] rate of mes above 100/s: 150/s'],
      ['developers', '[workshop] Resolved: rate of mes above 100/s: over, now 40/s'],
    ],
  )
})

test('scale-out acts, is verified, and is taken back when one less would do', async () => {
  await using b = await openBench()
  b.measures['m_mesBusy'] = 150
  b.fire('mesBusy')
  await b.run(1)
  assert.deepEqual(b.runtime.effects, ['scale mes 2'])
  assert.equal(b.loop.incidents()[0]?.state, 'verifying')
  b.measures['m_mesBusy'] = 75
  b.fire()
  await b.run(7)
  assert.equal(b.loop.incidents()[0]?.state, 'resolved')
  await b.run(70)
  assert.deepEqual(b.runtime.effects, ['scale mes 2'], 'one instance would see 150/s')
  b.measures['m_mesBusy'] = 30
  await b.run(59)
  assert.deepEqual(b.runtime.effects, ['scale mes 2'], 'not yet calm for long enough')
  await b.run(3)
  assert.deepEqual(b.runtime.effects, ['scale mes 2', 'scale mes 1'])
  assert.deepEqual(b.kinds(), ['detected', 'proposed', 'acted', 'verified', 'resolved', 'undone'])
  b.measures['m_mesBusy'] = 60
  await b.run(200)
  assert.deepEqual(b.runtime.effects, ['scale mes 2', 'scale mes 1'], 'never below the least')
})

test('a scale-out that does not help goes on up to the most, then a person is told what was tried', async () => {
  await using b = await openBench({ fallbackReceiver: 'oncall' })
  b.measures['m_mesBusy'] = 150
  b.fire('mesBusy')
  await b.run(200)
  assert.deepEqual(b.runtime.effects, ['scale mes 2', 'scale mes 3'])
  const [incident] = b.loop.incidents()
  assert.equal(incident?.state, 'escalated')
  assert.deepEqual(b.kinds(), [
    'detected',
    'proposed',
    'acted',
    'proposed',
    'acted',
    'refused',
    'escalated',
    'notified',
  ])
  const mails = await b.outbox()
  assert.equal(mails.length, 1)
  assert.match(
    mails[0]!.body,
    /Tried: scaled MES out from 1 to 2 instances: still 150\/s after 30 s; scaled MES out from 2/,
  )
  b.measures['m_mesBusy'] = 50
  b.fire()
  await b.run(7)
  assert.equal(b.loop.incidents()[0]?.state, 'resolved', 'an escalated incident resolves when it is healthy')
})

test('a restart without effect is tried once and then a person is told', async () => {
  await using b = await openBench({ fallbackReceiver: 'oncall' })
  b.measures['m_crmSaturated'] = 150
  b.fire('crmSaturated')
  await b.run(300)
  assert.deepEqual(b.runtime.effects, ['restart crm'])
  assert.equal(b.loop.incidents()[0]?.state, 'escalated')
  assert.equal((await b.outbox()).length, 1)
})

test('missing data is neither a reason to act nor recovery', async () => {
  await using b = await openBench()
  b.fire('mesBusy')
  b.measures['m_mesBusy'] = undefined
  await b.run(20)
  assert.deepEqual(b.runtime.effects, [])
  b.measures['m_mesBusy'] = 150
  await b.run(1)
  assert.deepEqual(b.runtime.effects, ['scale mes 2'])
  b.measures['m_mesBusy'] = 50
  b.fire()
  await b.run(3)
  b.measures['m_mesBusy'] = undefined
  await b.run(20)
  assert.notEqual(b.loop.incidents()[0]?.state, 'resolved')
  b.measures['m_mesBusy'] = Number.NaN
  await b.run(5)
  assert.notEqual(b.loop.incidents()[0]?.state, 'resolved')
})

test('what can’t be verified for want of data goes to a person, without another action', async () => {
  await using b = await openBench({ fallbackReceiver: 'oncall' })
  b.measures['m_mesBusy'] = 150
  b.fire('mesBusy')
  await b.run(1)
  b.measures['m_mesBusy'] = undefined
  b.fire()
  await b.run(100)
  assert.deepEqual(b.runtime.effects, ['scale mes 2'])
  assert.equal(b.loop.incidents()[0]?.state, 'escalated')
})

test('flapping stays one incident with one action, and goes quiet', async () => {
  await using b = await openBench({
    policies: [
      policyOf('crmSaturated', 'crm', [{ kind: 'notify', receiver: 'support' }, restart], { cooldownMs: 3600_000 }),
    ],
  })
  for (let i = 0; i < 90; i++) {
    const on = i % 2 === 0
    b.measures['m_crmSaturated'] = on ? 150 : 50
    if (on) b.fire('crmSaturated')
    else b.fire()
    await b.run(10)
  }
  assert.equal(b.loop.incidents().length, 1)
  assert.deepEqual(b.runtime.effects, ['restart crm'])
  const mails = await b.outbox()
  assert.ok(mails.length <= 5, mails.map(({ subject }) => subject).join('\n'))
})

test('an action that fails is told once, and the next step is taken', async () => {
  const policies = [policyOf('crmSaturated', 'crm', [restart, { kind: 'notify', receiver: 'support' }])]
  await using b = await openBench({ policies })
  b.runtime.behave = () => {
    throw new Error('connection reset')
  }
  b.measures['m_crmSaturated'] = 150
  b.fire('crmSaturated')
  await b.run(300)
  assert.deepEqual(b.runtime.effects, [])
  assert.deepEqual(b.kinds(), ['detected', 'proposed', 'acted', 'notified', 'escalated', 'notified'])
  assert.match(b.loop.incidents()[0]?.timeline[2]?.text ?? '', /^Could not restart CRM.*connection reset\.$/)
})

test('an answer that is lost after the call took effect is not asked for again', async () => {
  await using b = await openBench()
  b.runtime.behave = (_, when) => {
    if (when === 'after') throw new Error('connection reset')
  }
  b.measures['m_mesBusy'] = 150
  b.fire('mesBusy')
  await b.run(2)
  assert.deepEqual(b.runtime.effects, ['scale mes 2'])
  assert.equal(b.loop.incidents()[0]?.state, 'verifying')
})

test('a call that hangs ends by its deadline', async () => {
  await using b = await openBench({ limits: { actionTimeoutMs: 5000 }, fallbackReceiver: 'oncall' })
  b.runtime.behave = (_, __, signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  b.measures['m_mesBusy'] = 150
  b.fire('mesBusy')
  b.clock.advance(1000)
  b.loop.sink([], { name: 'g', file: 'plan', intervalMs: 1, limit: 0, queryOffsetMs: 0, rules: [] }, b.clock.now())
  const ran = b.turn()
  await b.clock.advance(6000)
  await ran
  assert.match(
    b.loop.incidents()[0]?.timeline.find(({ kind }) => kind === 'acted')?.text ?? '',
    /took longer than 5000 ms/,
  )
})

test('with its database down a part is not restarted, and the cause is named', async () => {
  await using b = await openBench()
  b.measures['up{job="crmDb"} == 0'] = 0
  b.measures['up{job="crmDb"}'] = 0
  b.measures['m_crmSaturated'] = 150
  b.blind.set('crmDb', 'password refused')
  b.fire('partDown/crmDb', 'crmSaturated')
  await b.run(300)
  assert.deepEqual(b.runtime.effects, [])
  const down = b.loop.incidents().find(({ policy }) => policy === 'partDown')
  const saturated = b.loop.incidents().find(({ policy }) => policy === 'crmSaturated')
  assert.equal(down?.title, 'crmDb can’t be reached: password refused'.replace('’', "'"))
  assert.deepEqual(down?.parts, ['crmDb'])
  assert.equal(saturated?.cause, down?.id)
  assert.equal(saturated?.state, 'open', 'it waits for its cause, without an end')
  assert.match(
    saturated?.timeline.find(({ kind }) => kind === 'refused')?.text ?? '',
    /CRM db is down \(password refused\)/,
  )
  b.blind.clear()
  b.measures['up{job="crmDb"} == 0'] = undefined
  b.measures['up{job="crmDb"}'] = 1
  b.fire('crmSaturated')
  await b.run(7)
  assert.deepEqual(b.runtime.effects, ['restart crm'], 'once the cause is healed, the part itself is looked at')
})

test('the least number of healthy instances is kept', async () => {
  await using b = await openBench({
    policies: [policyOf('crmSaturated', 'crm', [{ ...restart, kind: 'restart', minHealthy: 1 } as typeof restart])],
  })
  b.runtime.unready.add('crm-0')
  b.measures['m_crmSaturated'] = 150
  b.fire('crmSaturated')
  await b.run(5)
  assert.deepEqual(b.runtime.effects, [])
  assert.match(b.loop.incidents()[0]?.timeline.at(-1)?.text ?? '', /1 of 2 instances are ready and 1 must stay so/)
})

test('observe records what would be done and does nothing', async () => {
  await using b = await openBench({
    policies: [policyOf('mesBusy', 'mes', [{ kind: 'notify', receiver: 'support' }, scaleOut], { mode: 'observe' })],
  })
  b.measures['m_mesBusy'] = 150
  b.fire('mesBusy')
  await b.run(100)
  assert.deepEqual([b.runtime.effects, await b.outbox()], [[], []])
  assert.deepEqual(b.kinds(), ['detected', 'proposed', 'proposed'])
  assert.equal(b.loop.mode(), 'observe')
})

test('suggest asks, and acts on a yes to exactly what was asked', async () => {
  await using b = await openBench({
    policies: [policyOf('mesBusy', 'mes', [scaleOut], { mode: 'suggest' })],
    fallbackReceiver: 'oncall',
  })
  b.measures['m_mesBusy'] = 150
  b.fire('mesBusy')
  await b.run(3)
  assert.deepEqual(b.runtime.effects, [])
  const { id } = b.loop.incidents()[0]!
  const asked = b.loop.approval(id)
  assert.equal(asked?.text, 'scale MES out from 1 to 2 instances')
  assert.match((await b.outbox())[0]?.subject ?? '', /Approval wanted/)
  await assert.rejects(b.loop.approve(id, 'other', 'ann'), { code: 'ASSAY_APPROVAL_UNKNOWN' })
  await b.loop.approve(id, asked!.action, 'ann')
  await b.loop.settled()
  assert.deepEqual(b.runtime.effects, ['scale mes 2'])
  assert.deepEqual(b.kinds(), ['detected', 'proposed', 'notified', 'approved', 'acted'])
  await assert.rejects(b.loop.approve(id, asked!.action, 'ann'), { code: 'ASSAY_APPROVAL_UNKNOWN' })
})

test('a yes to what has changed meanwhile is refused', async () => {
  await using b = await openBench({ policies: [policyOf('mesBusy', 'mes', [scaleOut], { mode: 'suggest' })] })
  b.measures['m_mesBusy'] = 150
  b.fire('mesBusy')
  await b.run(2)
  const { id } = b.loop.incidents()[0]!
  await b.runtime.scale('mes', 2, new AbortController().signal)
  await assert.rejects(b.loop.approve(id, b.loop.approval(id)!.action, 'ann'), { code: 'ASSAY_APPROVAL_CHANGED' })
  await b.runtime.scale('mes', 1, new AbortController().signal)
  b.measures['m_mesBusy'] = undefined
  await assert.rejects(b.loop.approve(id, b.loop.approval(id)!.action, 'ann'), { code: 'ASSAY_APPROVAL_REFUSED' })
})

test('a question that nobody answers goes to a person by another way', async () => {
  await using b = await openBench({
    policies: [policyOf('mesBusy', 'mes', [scaleOut], { mode: 'suggest' })],
    approvalMs: 20_000,
  })
  b.measures['m_mesBusy'] = 150
  b.fire('mesBusy')
  await b.run(30)
  assert.equal(b.loop.incidents()[0]?.state, 'escalated')
  assert.equal(b.loop.approval(b.loop.incidents()[0]!.id), undefined)
})

test('the kill switch holds over a restart, and mutes nothing', async () => {
  await using b = await openBench()
  await b.loop.pause('ann')
  assert.equal(b.loop.mode(), 'paused')
  b.measures['m_mesBusy'] = 150
  b.measures['m_crmErrors'] = 150
  b.fire('mesBusy', 'crmErrors')
  await b.run(100)
  await b.loop[Symbol.asyncDispose]()
  await using again = await openBench({ state: b.state, clock: b.clock, runtime: b.runtime, measures: b.measures })
  again.fire('mesBusy', 'crmErrors')
  await again.run(5)
  assert.deepEqual(b.runtime.effects, [])
  assert.equal((await again.outbox()).length, 1)
  assert.match(
    again.loop
      .incidents()
      .find(({ policy }) => policy === 'mesBusy')
      ?.timeline.at(-1)?.text ?? '',
    /paused by ann/,
  )
  await again.loop.resume('ann')
  await again.run(1)
  assert.deepEqual(b.runtime.effects, ['scale mes 2'])
})

test('a storm stays within the budget and loses no incident', async () => {
  const policies = Array.from({ length: 200 }, (_, i) =>
    policyOf(`p${i}`, `s${i}`, [
      { ...scaleOut, part: `s${i}`, workload: 'mes' } as typeof scaleOut,
      { kind: 'notify', receiver: 'support' },
    ]),
  )
  const parts = policies.map(({ parts: [id = ''] }) => ({ id, title: id, uses: [] }))
  await using b = await openBench({ policies, parts, actionsPerHour: 5, blastShare: 1 })
  for (const { id } of policies) b.measures[`m_${id}`] = 150
  b.fire(...policies.map(({ id }) => id))
  await b.run(3)
  assert.equal(b.loop.incidents().length, 200)
  assert.ok(b.runtime.effects.length <= 5)
})

test('the blast radius bounds how many parts are acted upon at once', async () => {
  await using b = await openBench({ blastShare: 0.3 })
  b.measures['m_mesBusy'] = 150
  b.measures['m_crmSaturated'] = 150
  b.fire('mesBusy', 'crmSaturated')
  await b.run(3)
  assert.equal(b.runtime.effects.length, 1)
  assert.match(JSON.stringify(b.loop.incidents()), /2 of 5 parts acted upon at once, 30 % is the most/)
})

test('an unchanged policy does nothing twice on one target at a time', async () => {
  const policies = [policyOf('mesBusy', 'mes', [scaleOut]), policyOf('mesSlow', 'mes', [scaleOut])]
  await using b = await openBench({ policies })
  b.measures['m_mesBusy'] = 150
  b.measures['m_mesSlow'] = 150
  b.fire('mesBusy', 'mesSlow')
  await b.run(20)
  assert.deepEqual(b.runtime.effects, ['scale mes 2'])
})

test('the audit is a chain, and every judgement in it can be repeated', async () => {
  const { judge } = await import('./rails.ts')
  await using b = await openBench({ policies: POLICIES, fallbackReceiver: 'oncall' })
  b.measures['m_mesBusy'] = 150
  b.measures['m_crmSaturated'] = 150
  b.fire('mesBusy', 'crmSaturated')
  await b.run(100)
  assert.equal((await b.state.verifyAudit()).ok, true)
  const judgements = (await b.state.audit()).filter(({ entry }) => (entry as { kind?: string }).kind === 'judged')
  assert.ok(judgements.length >= 4)
  for (const { at, entry } of judgements) {
    const { proposal, facts, outcome, verdicts } = entry as never
    const again = judge(proposal, facts, at)
    assert.deepEqual(JSON.parse(JSON.stringify([again.outcome, again.verdicts])), [outcome, verdicts])
  }
})
