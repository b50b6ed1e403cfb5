#!/bin/sh
# Start the kernel of a conda environment with the environment's own Python, or the kernel that says why it cannot be.
# $1 is the shim; $2 the prefixes, bottom first, joined by ":" (activation.join_levels); the rest is for the shim. What
# is no module of Python has --program as $3.
decoded() {
    case $1 in
    *\\*) decoded=$(printf '%b.' "$1") && decoded=${decoded%.} ;;
    *) decoded=$1 ;;
    esac
}
has_library() {
    # A venv has that of another Python.
    [ -e "$1/bin/python" ] && [ ! -e "$1/pyvenv.cfg" ] || return 0
    for file in "$1"/lib/python3*/encodings/__init__.py; do
        [ -e "$file" ] && return
    done
    return 1
}
put_libraries_first() {
    rest=$1: first=
    while [ -n "$rest" ]; do
        decoded "${rest%%:*}"
        first=$decoded/lib:$first rest=${rest#*:}
    done
    export LD_LIBRARY_PATH="${first%:}${libraries:+:$libraries}"
}
guess() {
    # What is read when Python starts, as activation set it the last time (activation/early.py says what for).
    for file in "${1%/*}" "$1"; do
        [ -O "$file" ] && [ ! -L "$file" ] || return 0
    done
    # Its lines are as good as commands, so nobody else may write them.
    [ -z "$(find "${1%/*}" "$1" -prune '(' -perm -020 -o -perm -002 ')' 2>&1)" ] || return 0
    while IFS= read -r name && IFS= read -r value; do
        case $name in "" | [!A-Za-z_]* | *[!A-Za-z0-9_]*) break ;; esac
        eval "export CONDAENV_WAS_$name=\"\${$name+=\$$name}\""
        export "$name=$value"
        guessed="$guessed $name"
    done <"$1"
}
take_back() {
    for name in $guessed; do
        eval "value=\$CONDAENV_WAS_$name"
        unset "CONDAENV_WAS_$name" "$name"
        [ -z "$value" ] || export "$name=${value#=}"
    done
}
note_start() {
    # Removed when there is a kernel; where it is still there, Jupyter starts one again that died (crash.py).
    for word in "$@"; do
        [ "$before" = -f ] && connection=$word && break
        before=$word
    done
    starting=$data/starting/${connection##*/}.$PPID
    if [ -e "$starting" ] && [ -x "$registrar" ]; then
        export CONDAENV_STARTING="$starting"
        died=--died
        explain "$@"
    fi
    true 2>/dev/null >"$starting" && export CONDAENV_STARTING="$starting"
}
explain() {
    if [ ! -x "$registrar" ]; then
        echo "condaenv: $python cannot be run, and $registrar, which would say so in the notebook, is gone." >&2
        echo "condaenv: Make the environment again, and register its kernel again." >&2
        exit 127
    fi
    trap - EXIT
    take_back
    if [ -n "$libraries" ]; then export LD_LIBRARY_PATH="$libraries"; else unset LD_LIBRARY_PATH; fi
    memory=$(ulimit -S -v) most=$(ulimit -H -v)
    # It may be what the kernel has died of.
    ulimit -S -v "$most"
    # What explains may die of it as well.
    [ -z "$died" ] || [ "$most" = unlimited ] ||
        echo "condaenv: Each process may have $((most / 1024)) MiB here (ulimit -v). Where that is too little, ask for more." >&2
    exec "$registrar" "$here/fallback.py" --levels "$2" --memory "$memory" $died "$@"
}

decoded "${2##*:}"
prefix=$decoded
decoded "${2%%:*}"
lowest=$decoded
here=${0%/*} data=${0%/*/*/*} guessed= before= connection= died=
libraries=${LD_LIBRARY_PATH-}
IFS= read -r registrar <"$here/registrar"
if [ -e "$prefix/conda-meta/condaenv/deferred.json" ]; then
    # A change waits for this moment (engine/deferred.py). Whatever becomes of it, there will be a kernel.
    deferred=$("$registrar" -I "$here/cli.py" apply-deferred "$prefix" --in-a-line </dev/null)
    if [ -n "$deferred" ]; then
        echo "condaenv: $deferred" >&2
        export CONDAENV_DEFERRED="$deferred"
    fi
fi
python=$prefix/bin/python
if [ "$3" = --program ]; then
    # Whatever language it is in: our own Python activates the environment, and becomes the program.
    [ -x "$registrar" ] && python=$registrar
    [ -x "$python" ] || explain "$@"
    exec "$python" -I -S "$@"
fi
# An empty file would be taken for a script. Without its library Python dies before it can say anything.
if [ -f "$python" ] && [ -s "$python" ] && has_library "$lowest"; then
    # Read when Python starts, so here rather than in the shim, which would have to start it again.
    for name in PYTHONPATH PYTHONHOME VIRTUAL_ENV; do
        case " $* " in *" --inherit=$name "*) ;; *) unset "$name" ;; esac
    done
    case " $* " in *" --inherit=PYTHONNOUSERSITE "*) ;; *) export PYTHONNOUSERSITE=1 ;; esac
    case " $* " in
    *" --library-path=clean "*) unset LD_LIBRARY_PATH ;;
    *" --library-path=prefix "*) put_libraries_first "$2" ;;
    esac
    case " $* " in *" -m ipykernel_launcher -f "*) note_start "$@" ;; esac
    file=$prefix
    early=
    while case $file in */*) ;; *) false ;; esac do
        early=$early${file%%/*}= file=${file#*/}
    done
    guess "$data/activation/$early$file.early"
    # Where it cannot be executed after all, as on a machine of another kind: bash goes on then, other shells exit.
    [ -z "${BASH_VERSION-}" ] || shopt -s execfail
    trap 'explain "$@"' EXIT
    exec "$python" "$@"
fi
explain "$@"
