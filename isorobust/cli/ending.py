"""How a command ends: one line on stderr and a documented exit code.

0    done
1    `verify` found that something isn't as it was
2    bad input, or the system refused to write: what is wrong, and where
75   asked to stop by SIGTERM, SIGUSR1 or SIGUSR2: saved, the same command continues
130  stopped by Ctrl-C: saved likewise (a second Ctrl-C doesn't wait)
141  whoever read the output has left, as in `isorobust cite RUN | head`
"""

import contextlib
import errno
import os
import sys
from typing import Any, NoReturn

from isorobust.door import BadInput

DIFFERS, BAD, AGAIN, INTERRUPTED, UNREAD = 1, 2, 75, 130, 141
# what the system says no to, and no defect of ours
REFUSED = (
    errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.ENAMETOOLONG
)  # fmt: skip


def fail(message: str, code: int = BAD) -> NoReturn:
    """Prints `isorobust: message` on one line and ends the process with `code`."""
    with contextlib.suppress(OSError):  # nobody reads it any more, or no room
        print(f"isorobust: {' '.join(message.split())}", file=sys.stderr, flush=True)
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    # not sys.exit: a thread may still be in a program that runs for seconds
    os._exit(code)


def guarded(function: Any) -> Any:
    """The function, with its known failures printed as one line and an exit code."""

    def inner(argument: Any) -> Any:
        try:
            done = function(argument)
            sys.stdout.flush()  # while a closed pipe or a full disk can still be told
            return done
        except BrokenPipeError:
            if _read():  # another pipe then, a worker's say
                raise
            os._exit(UNREAD)
        except BadInput as error:
            fail(str(error))
        except OSError as error:
            if error.errno not in REFUSED:
                raise
            where = error.filename or "writing"
            fail(f"{where}: {error.strerror}; what was finished is kept")
        except KeyboardInterrupt:
            fail("stopped; the same command continues", INTERRUPTED)

    return inner


def _read() -> bool:
    """Whether somebody still reads what is printed."""
    try:
        print(flush=True)
    except BrokenPipeError:
        return False
    return True
