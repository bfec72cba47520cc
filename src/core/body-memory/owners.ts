import type { Stake } from './stake.ts';

/** The part of a pool that belongs to one owner or to one group of owners. */
export interface Owner {
  readonly name: string;
  readonly group: Owner | undefined;
  /** Number of stakes; for a group, number of owners. */
  stakes: number;
  promisedBytes: number;
  /** Bytes promised to uploads that have not been promised their whole claim. */
  unfinishedBytes: number;
  /** Bytes promised to dropped uploads that have not been closed yet. */
  leavingBytes: number;
  servedAt: number;
}

/** The owners that have stakes in a pool, and the groups in which they take turns. */
export class Owners {
  private readonly byName = new Map<string, Owner>();

  /** Number of owners and groups. */
  get size(): number {
    return this.byName.size;
  }

  find(name: string): Owner | undefined {
    return this.byName.get(name);
  }

  /** Returns the owner of a stake, and adds a new owner. An owner is remembered until its last stake leaves. */
  of({ owner: name, group: groupName }: Pick<Stake, 'owner'> & Partial<Stake>): Owner {
    let owner = this.byName.get(name);
    if (!owner) {
      const group = groupName === undefined ? undefined : this.of({ owner: groupName });
      owner = { name, group, stakes: 0, promisedBytes: 0, unfinishedBytes: 0, leavingBytes: 0, servedAt: 0 };
      this.byName.set(name, owner);
      if (group) group.stakes += 1;
    }
    return owner;
  }

  /** Removes one stake from an owner, and forgets the owner if no stake remains. */
  leave(owner: Owner): void {
    owner.stakes -= 1;
    if (owner.stakes > 0) return;
    this.byName.delete(owner.name);
    if (owner.group) this.leave(owner.group);
  }
}
