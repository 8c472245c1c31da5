// Run once by the image of MongoDB, at its first start: the user that mongolake reads with.
db.getSiblingDB('admin').createUser({
  user: 'mongolake',
  pwd: process.env.READER_PASSWORD,
  roles: [{ role: 'read', db: 'guest' }],
});
