import { includesRole, roleAllows, PERMISSIONS, type Permission, ROLES } from './roles';

describe('roles', () => {
  it('include the ones before them and themselves', () => {
    for (const [height, role] of ROLES.entries()) {
      for (const [other, lower] of ROLES.entries()) {
        expect([role, lower, includesRole(role, lower)]).toEqual([role, lower, height >= other]);
      }
    }
  });

  it.each(Object.keys(PERMISSIONS) as Permission[])(
    'grant %s from its lowest role up',
    (permission) => {
      const lowest = ROLES.indexOf(PERMISSIONS[permission]);
      expect(ROLES.map((role) => roleAllows(role, permission))).toEqual(
        ROLES.map((_, height) => height >= lowest),
      );
      expect(roleAllows('owner', permission)).toBe(true);
    },
  );

  it('never let a viewer change or spend anything', () => {
    const allowed = (Object.keys(PERMISSIONS) as Permission[]).filter((permission) =>
      roleAllows('viewer', permission),
    );
    expect(allowed.every((permission) => /:(read|list|use)$/.test(permission))).toBe(true);
  });
});
