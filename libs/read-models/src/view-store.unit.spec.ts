// SPDX-License-Identifier: Apache-2.0
import { repositorySpec } from '@plumbline/events';
import { describe, expect, it } from 'vitest';
import { ViewKind, ViewStore } from './index.js';
import { APP, at, changes, commit, digest, Story } from './story.fixture.js';

/** Every part of the read models, with an application that is removed and declared again. */
function longStory(): Story {
  const revision = 'e'.repeat(40);
  return new Story()
    .add('RepositoryDeclared', {
      name: 'shop',
      labels: {},
      spec: repositorySpec.parse({ url: 'https://git.example.com/shop.git' }),
    })
    .declared()
    .add('RevisionObserved', { repository: 'shop', ref: 'main', revision, forced: false, commit })
    .rendered(3)
    .add('ApprovalRequested', {
      application: APP,
      environment: 'staging',
      version: 3,
      renderDigest: digest(3),
      required: 1,
      excluded: [],
    })
    .released(3, 1)
    .synced(3)
    .add('ApplicationRemoved', { application: APP, mode: 'Delete' })
    .add('TargetRemoved', { ...at, mode: 'Delete', changes })
    .declared()
    .rendered(4)
    .released(4, 2)
    .synced(4)
    .add('ApplicationRemoved', { application: APP, mode: 'Orphan' });
}

const documentsOf = <Kinds extends ViewKind>(store: ViewStore<Kinds>, kind: Kinds): unknown[] => [
  ...store.scan(kind, ''),
];

describe('a store of some kinds', () => {
  it.each(ViewKind)('folds %s alone to the same documents as a store of all kinds, after every event', (kind) => {
    const story = longStory();
    const some = new ViewStore({ kinds: [kind] });
    const all = new ViewStore();
    for (const event of story.events) {
      some.apply(event);
      all.apply(event);
      expect(documentsOf(some, kind)).toEqual(documentsOf(all, kind));
    }
  });

  it('reports only changes of its kinds', () => {
    const store = new ViewStore({ kinds: ['application', 'repository'] });
    const changed = longStory().events.flatMap((event) => store.apply(event).map(({ view }) => view));
    expect(new Set(changed)).toEqual(new Set(['application', 'repository']));
  });

  it('throws when a kind is read that it does not keep', () => {
    const store: ViewStore = new ViewStore<ViewKind>({ kinds: ['repository'] });
    expect(() => store.get('target', 'x')).toThrow('keeps no documents of kind target');
  });

  it('takes the highest version and the remaining objects from loaded documents that it does not keep', () => {
    const story = new Story().declared().rendered(7).released(7, 1).synced(7);
    const store = new ViewStore({ kinds: ['application'] });
    store.load(
      ViewKind.flatMap((view) =>
        [...story.views.scan(view, '')].map(([key, document]) => ({ view, key, document }) as never),
      ),
    );
    story.add('ApplicationRemoved', { application: APP, mode: 'Delete' });
    store.apply(story.events.at(-1) as never);
    expect(store.get('application', APP)).toEqual(story.views.get('application', APP));
    expect(store.get('application', APP)).toHaveProperty('removal');
  });
});

describe('snapshots', () => {
  it.each([
    { name: 'all kinds', kinds: ViewKind },
    { name: 'applications without versions and targets', kinds: ['application', 'repository'] as const },
  ])('of $name survive JSON and fold on as the original does', ({ kinds }) => {
    const { events } = longStory();
    for (let at_ = 0; at_ <= events.length; at_ += 1) {
      const original = new ViewStore<ViewKind>({ kinds });
      for (const event of events.slice(0, at_)) original.apply(event);
      const restored = new ViewStore<ViewKind>({ kinds });
      for (const event of events.slice(0, 2)) restored.apply(event);
      restored.restore(JSON.parse(JSON.stringify(original.snapshot())));
      for (const event of events.slice(at_)) expect(restored.apply(event)).toEqual(original.apply(event));
      expect(restored.snapshot()).toEqual(original.snapshot());
      for (const kind of kinds) expect(documentsOf(restored, kind)).toEqual(documentsOf(original, kind));
    }
  });

  it('do not change when the store folds on', () => {
    const { events } = longStory();
    const store = new ViewStore();
    for (const event of events.slice(0, 6)) store.apply(event);
    const snapshot = store.snapshot();
    const before = JSON.stringify(snapshot);
    for (const event of events.slice(6)) store.apply(event);
    expect(JSON.stringify(snapshot)).toBe(before);
  });

  it.each([
    { name: 'nothing', state: undefined },
    { name: 'another format', state: { format: 2, documents: {} } },
    { name: 'other kinds', state: new ViewStore({ kinds: ['token'] }).snapshot() },
    { name: 'no list of documents', state: { format: 1, documents: { repository: {} } } },
  ])('of $name are not restored', ({ state }) => {
    const store = new ViewStore({ kinds: ['repository'] });
    for (const event of longStory().events) store.apply(event);
    expect(() => store.restore(state)).toThrow('not a snapshot of read models');
    expect(documentsOf(store, 'repository')).toHaveLength(1);
  });
});
