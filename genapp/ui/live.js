// The browser's side of genapp/ui/live.py, on window.genapp:
//   live(family, checkpoint).call(op, rows, n)  → Promise of one reply
//   live(family, checkpoint).stream(op, paint)  → {send(row)}: latest wins, the last one always lands
// A reply is {seq, shape, data (typed array), ms (server), rtt (round trip, ms), sentAt}.
(function () {
  "use strict";
  var genapp = (window.genapp = window.genapp || {});
  if (genapp.live) return;

  var MAGIC = 0x31564c47;
  var ARRAYS = [Uint8Array, Uint16Array, Int32Array, Float32Array];
  var PATIENCE = 30000; // ms; a first request may have to load the model
  var RETRIES = [300, 1000, 3000]; // ms between attempts when the server is busy or out of reach

  // Below Gradio's own root path, so that a proxy's prefix is kept.
  function address(path) {
    var root = (window.gradio_config && window.gradio_config.root) || location.origin;
    return location.origin + new URL(root, location.href).pathname.replace(/\/$/, "") + path;
  }

  function trouble(message, passing) {
    var error = new Error(message);
    error.passing = passing; // worth trying again unasked
    return error;
  }

  function request(seq, rows, n) {
    var body = new ArrayBuffer(16 + 4 * rows.length);
    new Uint32Array(body, 0, 4).set([MAGIC, seq, rows.length / n, n]);
    new Float32Array(body, 16).set(rows);
    return body;
  }

  function unpack(buffer) {
    var head = new DataView(buffer);
    if (buffer.byteLength < 20 || head.getUint32(0, true) !== MAGIC) {
      throw trouble("The reply can't be read — reload the page.", false);
    }
    var ndim = head.getUint32(12, true);
    var shape = Array.from(new Uint32Array(buffer, 16, ndim));
    var ms = head.getFloat32(16 + 4 * ndim, true);
    var data = new ARRAYS[head.getUint32(8, true)](buffer, 20 + 4 * ndim);
    return { seq: head.getUint32(4, true), shape: shape, data: data, ms: ms };
  }

  async function refusal(response) {
    var words = "";
    try {
      words = (await response.json()).error;
    } catch (e) {
      words = "The server answered " + response.status + " — try again in a moment.";
    }
    // 404 without words: the page was quicker than the server's start.
    return trouble(words, response.status >= 502 || response.status === 429 || response.status === 404);
  }

  async function post(url, seq, rows, n) {
    var sentAt = performance.now();
    var response;
    try {
      response = await fetch(url, {
        method: "POST",
        body: request(seq, rows, n),
        headers: { "Content-Type": "application/x-genapp" },
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE),
      });
    } catch (e) {
      if (e.name === "TimeoutError") throw trouble("The server took too long — try again.", false);
      throw trouble("The server is out of reach — check that the app still runs, then try again.", true);
    }
    if (!response.ok) throw await refusal(response);
    var reply = unpack(await response.arrayBuffer());
    reply.sentAt = sentAt;
    reply.rtt = performance.now() - sentAt;
    return reply;
  }

  function pause(ms) {
    return new Promise(function (done) {
      setTimeout(done, ms);
    });
  }

  // One request, repeated a few times while the trouble looks like it will pass.
  async function call(url, rows, n) {
    for (var attempt = 0; ; attempt++) {
      try {
        return await post(url, 0, rows, n);
      } catch (error) {
        if (!error.passing || attempt >= RETRIES.length) throw error;
        await pause(RETRIES[attempt]);
      }
    }
  }

  // Latest wins. Up to `inFlight` requests are under way, which carries the frame rate over a slow
  // line; fewer (never below two) while they only queue up at a slow decoder. A value that arrives
  // while all are busy replaces the one that waits; a reply older than the last painted is dropped;
  // the last value is sent, repeated if need be, and painted. Numbers count the values given to
  // send(), so painted === sent says that nothing is left to come.
  function stream(url, paint, options) {
    options = options || {};
    var limit = options.inFlight || 4;
    var room = limit;
    var quickest = Infinity;
    var fail = options.fail || function () {};
    var flying = 0;
    var waiting = null;
    var failures = 0;
    var stats = { sent: 0, painted: 0, dropped: 0, ms: 0, rtt: 0 };

    async function fly(job) {
      var reply = null;
      flying++;
      try {
        reply = await post(url, job.seq, job.row, job.row.length);
      } catch (error) {
        // An older value's failure is nobody's loss: a newer one is on its way.
        if (job.seq === stats.sent) await again(error, job);
      }
      flying--;
      if (reply) fit(reply.rtt);
      pump();
      if (reply) show(reply, job);
    }

    // How many of the requests under way stand in a queue, as TCP Vegas (Brakmo 1994) tells it.
    function fit(rtt) {
      quickest = Math.min(rtt, quickest * 1.002);
      var queued = room * (1 - quickest / rtt);
      if (queued > 1.5) room = Math.max(Math.min(2, limit), room - 1);
      else if (queued < 0.5) room = Math.min(limit, room + 1);
    }

    function show(reply, job) {
      failures = 0;
      if (job.seq < stats.painted) {
        stats.dropped++;
        return;
      }
      stats.painted = job.seq;
      stats.ms = reply.ms;
      stats.rtt = reply.rtt;
      paint(reply, job.row, job.about);
    }

    async function again(error, job) {
      if (!error.passing || failures >= RETRIES.length) {
        failures = 0;
        return fail(error, function () {
          waiting = waiting || job;
          pump();
        });
      }
      await pause(RETRIES[failures++]);
      waiting = waiting || job;
    }

    function pump() {
      while (waiting && flying < room) {
        var job = waiting;
        waiting = null;
        fly(job);
      }
    }

    return {
      stats: stats,
      send: function (row, about) {
        waiting = { seq: ++stats.sent, row: Float32Array.from(row), about: about };
        pump();
      },
      idle: function () {
        return stats.painted === stats.sent;
      },
    };
  }

  genapp.live = function (family, checkpoint) {
    function url(op) {
      return address("/live/" + [family, checkpoint, op].map(encodeURIComponent).join("/"));
    }
    return {
      call: function (op, rows, n) {
        return call(url(op), rows, n);
      },
      stream: function (op, paint, options) {
        return stream(url(op), paint, options);
      },
    };
  };
})();
