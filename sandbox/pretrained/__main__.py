"""`python -m sandbox.pretrained [lander dodge/vae …]`: make what the gallery lacks; see `make pretrained`."""

import sys

import torch

from sandbox.pretrained.making import make


def main() -> int:
    """Make the named worlds, or all; what is there already is kept. Returns the exit status, 2 for bad input."""
    torch.set_num_threads(1)
    try:
        make(sys.argv[1:], lambda sentence: print(sentence, flush=True))
    except ValueError as error:
        print(f"pretrained: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
