#!/bin/sh
# Start the kernel of a conda environment with the environment's own Python, or the kernel that says why it cannot be.
# $1 is the shim; $2 the prefixes, bottom first, joined by ":" (activation.join_levels); the rest is for Python.
prefix=${2##*:}
case $prefix in
*\\*) prefix=$(printf '%b.' "$prefix") && prefix=${prefix%.} ;;
esac
here=${0%/*}
IFS= read -r registrar <"$here/registrar"
if [ -e "$prefix/conda-meta/condaenv/deferred.json" ]; then
    # A change waits for this moment (engine/deferred.py). Whatever becomes of it, there will be a kernel.
    "$registrar" -I "$here/cli.py" apply-deferred "$prefix" </dev/null >&2
fi
python=$prefix/bin/python
if [ -f "$python" ] && [ -x "$python" ]; then
    # Read when Python starts, so here rather than in the shim, which would have to start it again.
    for name in PYTHONPATH PYTHONHOME VIRTUAL_ENV; do
        case " $* " in *" --inherit=$name "*) ;; *) unset "$name" ;; esac
    done
    case " $* " in *" --inherit=PYTHONNOUSERSITE "*) ;; *) export PYTHONNOUSERSITE=1 ;; esac
    exec "$python" "$@"
fi
if [ ! -x "$registrar" ]; then
    echo "condaenv: $python cannot be run, and $registrar, which would say so in the notebook, is gone." >&2
    echo "condaenv: Make the environment again, and register its kernel again." >&2
    exit 127
fi
exec "$registrar" "$here/fallback.py" --levels "$2" "$@"
