/** The MES' tables. Repeatable: every start runs it. */
export const schema = `
  create table if not exists materials (
    name text primary key,
    grams_per_cm3 double precision not null,
    cents_per_kg integer not null,
    cents_per_hour integer not null
  );
  create table if not exists jobs (
    order_id uuid primary key,
    cents integer not null,
    minutes integer not null,
    created_at timestamptz not null default now()
  );
  create index if not exists jobs_newest on jobs (created_at desc);
  insert into materials values
    ('pla', 1.24, 2400, 450), ('petg', 1.27, 2900, 480), ('nylon', 1.14, 7800, 620), ('steel', 7.85, 14000, 3900)
  on conflict do nothing;
`
