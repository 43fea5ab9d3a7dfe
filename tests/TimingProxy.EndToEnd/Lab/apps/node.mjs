// An app of another kind: Node.js, one thread, keep-alive. Says in X-Response-Time how long it took.
//   PORT   where it listens
//   POOL   so many requests to /sleep are worked on at a time, as with a pool of database connections; 0 is no limit
import { createServer } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

const pool = Number(process.env.POOL ?? 0);
const waiting = [];
let free = pool;

async function inPool(work) {
  if (pool > 0 && free === 0) await new Promise((resolve) => waiting.push(resolve));
  else free--;
  try {
    await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free++;
  }
}

function burn(ms) {
  const end = performance.now() + ms;
  let rounds = 0;
  while (performance.now() < end) rounds++;
  return rounds;
}

const views = {
  '/fast': (answer) => answer.end('fast\n'),
  '/sleep': async (answer) => {
    await inPool(() => wait(50));
    answer.end('slept\n');
  },
  '/cpu': (answer) => {
    burn(20);
    answer.end('computed\n');
  },
  '/stream': async (answer) => {
    for (let number = 0; number < 5; number++) {
      answer.write(`piece ${number}\n`);
      await wait(20);
    }
    answer.end();
  },
};

createServer((request, answer) => {
  const begin = performance.now();
  const writeHead = answer.writeHead;
  answer.writeHead = function (...head) {
    answer.setHeader('X-Response-Time', `${(performance.now() - begin).toFixed(3)}ms`);
    return writeHead.apply(answer, head);
  };
  const view = views[request.url];
  if (view) return view(answer);
  answer.statusCode = 404;
  answer.end();
}).listen(Number(process.env.PORT), '127.0.0.1');
