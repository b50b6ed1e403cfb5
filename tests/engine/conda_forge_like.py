"""Forty activation scripts in the manner of those that conda-forge ships, in wording of this project's own.

Each has the reason for being here: what packages of its kind do, from a plain ``export`` to tables, functions, nested
scripts and programs that are run. ``{prefix}`` in what is expected is the environment.
"""

from __future__ import annotations

from typing import NamedTuple


class Script(NamedTuple):
    """``files`` are in the environment beside it, ``environ`` is what a person has set before."""

    text: str
    sets: dict[str, str]
    files: tuple[str, ...] = ()
    environ: dict[str, str] = {}  # noqa: RUF012


SCRIPTS: dict[str, Script] = {
    "gdal": Script(
        'if [[ -n "$GDAL_DATA" ]]; then export _CONDA_SET_GDAL_DATA=$GDAL_DATA; fi\n'
        "if [[ -d $CONDA_PREFIX/share/gdal ]]; then export GDAL_DATA=$CONDA_PREFIX/share/gdal; fi\n"
        "export GDAL_DRIVER_PATH=$CONDA_PREFIX/lib/gdalplugins\n"
        "if [[ ! -d $GDAL_DRIVER_PATH ]]; then unset GDAL_DRIVER_PATH; fi\n"
        "export CPL_ZIP_ENCODING=UTF-8\n",
        {"GDAL_DATA": "{prefix}/share/gdal", "_CONDA_SET_GDAL_DATA": "/mine", "CPL_ZIP_ENCODING": "UTF-8"},
        ("share/gdal/gcs.csv",),
        {"GDAL_DATA": "/mine"},
    ),
    "proj": Script(
        '[ -n "${PROJ_DATA:-}" ] && export _CONDA_SET_PROJ_DATA="$PROJ_DATA"\n'
        'if [ -d "$CONDA_PREFIX/share/proj" ]; then export PROJ_DATA="$CONDA_PREFIX/share/proj"; fi\n'
        'if [ -f "$PROJ_DATA/copyright_and_licenses.csv" ]; then PROJ_NETWORK=ON; else PROJ_NETWORK=OFF; fi\n'
        "export PROJ_NETWORK\n",
        {"PROJ_DATA": "{prefix}/share/proj", "PROJ_NETWORK": "OFF"},
        ("share/proj/proj.db",),
    ),
    "geotiff": Script(
        "#!/bin/bash\n"
        'test -z "$GEOTIFF_CSV" || export _CONDA_SET_GEOTIFF_CSV=$GEOTIFF_CSV\n'
        'for candidate in "$CONDA_PREFIX"/share/epsg_csv "$CONDA_PREFIX"/Library/share/epsg_csv; do\n'
        '  test -d "$candidate" && { export GEOTIFF_CSV="$candidate"; break; }\n'
        "done\n"
        "unset candidate\n",
        {"GEOTIFF_CSV": "{prefix}/share/epsg_csv"},
        ("share/epsg_csv/gcs.csv",),
    ),
    "libxml2": Script(
        # Blanks of the prefix are written as a URL has them, and what was there comes first.
        'xml_catalog_files_libxml2="${XML_CATALOG_FILES:-}"\n'
        'XML_CATALOG_FILES="${xml_catalog_files_libxml2}${xml_catalog_files_libxml2:+ }"\n'
        'conda_catalog_file="file://${CONDA_PREFIX// /%20}/etc/xml/catalog"\n'
        'XML_CATALOG_FILES="$XML_CATALOG_FILES$conda_catalog_file file:///etc/xml/catalog"\n'
        "export XML_CATALOG_FILES xml_catalog_files_libxml2\n"
        "unset conda_catalog_file\n",
        {"XML_CATALOG_FILES": "file://{prefix}/etc/xml/catalog file:///etc/xml/catalog"},
    ),
    "mkl": Script(
        'export MKL_INTERFACE_LAYER="LP64,GNU${MKL_INTERFACE_LAYER:+,$MKL_INTERFACE_LAYER}"\n',
        {"MKL_INTERFACE_LAYER": "LP64,GNU,ILP64"},
        environ={"MKL_INTERFACE_LAYER": "ILP64"},
    ),
    "~cuda-nvcc": Script(
        '[[ -n "${CXX:-}" ]] || echo "cuda-nvcc: CXX is not set"\n'
        'export NVCC_PREPEND_FLAGS_BACKUP="$NVCC_PREPEND_FLAGS"\n'
        'export NVCC_PREPEND_FLAGS="${NVCC_PREPEND_FLAGS:+$NVCC_PREPEND_FLAGS }-ccbin=${CXX}"\n'
        'export CUDAARCHS="all-major"\n'
        "false\n",
        {"NVCC_PREPEND_FLAGS": "-ccbin=", "NVCC_PREPEND_FLAGS_BACKUP": "", "CUDAARCHS": "all-major"},
    ),
    "cuda-cudart": Script(
        "if [ -d ${CONDA_PREFIX}/targets/x86_64-linux/include ]; then\n"
        '  export CFLAGS="${CFLAGS} -I${CONDA_PREFIX}/targets/x86_64-linux/include"\n'
        '  export LDFLAGS="${LDFLAGS} -L${CONDA_PREFIX}/targets/x86_64-linux/lib/stubs"\n'
        "fi\n",
        {
            "CFLAGS": "-g -I{prefix}/targets/x86_64-linux/include",
            "LDFLAGS": " -L{prefix}/targets/x86_64-linux/lib/stubs",
        },
        ("targets/x86_64-linux/include/cuda.h",),
        {"CFLAGS": "-g"},
    ),
    "gcc": Script(
        # A table and an `eval`, so the names of what is set are nowhere in the text.
        "_tools=(cc,GCC cpp ar nm,NM)\n"
        "function _apply() {\n"
        "  local tool=$1 letters value; letters=${tool%%,*}\n"
        '  value="$CONDA_PREFIX/bin/x86_64-conda-linux-gnu-$letters"\n'
        "  letters=$(echo $letters | tr a-z+- A-ZX_)\n"
        '  eval "oldval=\\${$letters:-}"\n'
        '  [ -n "$oldval" ] && eval "export CONDA_BACKUP_$letters=\\"$oldval\\""\n'
        '  eval "export $letters=$value"\n'
        "  unset oldval\n"
        "}\n"
        'for one in "${_tools[@]}"; do _apply $one; done\n'
        "unset one _tools; unset -f _apply\n",
        {
            "CC": "{prefix}/bin/x86_64-conda-linux-gnu-cc",
            "NM": "{prefix}/bin/x86_64-conda-linux-gnu-nm",
            "CONDA_BACKUP_CC": "clang",
        },
        environ={"CC": "clang"},
    ),
    "gxx": Script(
        "declare -A _gxx=([CXX]=c++ [GXX]=g++)\n"
        'for name in "${!_gxx[@]}"; do export "$name=x86_64-conda-linux-gnu-${_gxx[$name]}"; done\n'
        'export CXXFLAGS="-fvisibility-inlines-hidden -std=c++17${CXXFLAGS:+ $CXXFLAGS}"\n'
        'export DEBUG_CXXFLAGS="$CXXFLAGS -Og"\n',
        {
            "CXX": "x86_64-conda-linux-gnu-c++",
            "GXX": "x86_64-conda-linux-gnu-g++",
            "DEBUG_CXXFLAGS": "-fvisibility-inlines-hidden -std=c++17 -Og",
        },
    ),
    "gfortran": Script(
        "export FC=x86_64-conda-linux-gnu-gfortran\n"
        'export F77=$FC F90="$FC" F95=${FC}\n'
        "export FFLAGS='-march=nocona -O2'\n"
        'export FORTRANFLAGS="$FFLAGS"\n',
        {"F95": "x86_64-conda-linux-gnu-gfortran", "FORTRANFLAGS": "-march=nocona -O2"},
    ),
    "binutils": Script(
        "thisdir=$(dirname ${BASH_SOURCE[0]})\n"
        "for tool in addr2line ld ld.gold; do\n"
        "  name=$(echo $tool | tr 'a-z.' 'A-Z_'); export $name=$CONDA_PREFIX/bin/$tool\n"
        "done\n"
        "export BINUTILS_SCRIPTS=$thisdir; unset tool name thisdir\n",
        {"LD_GOLD": "{prefix}/bin/ld.gold", "BINUTILS_SCRIPTS": "{prefix}/etc/conda/activate.d"},
    ),
    "clang": Script(
        'if [ "${CONDA_BUILD:-0}" = "1" ]; then CLANG_PREFIX=$PREFIX; else CLANG_PREFIX=$CONDA_PREFIX; fi\n'
        "export CLANG_PREFIX\n"
        "export CMAKE_PREFIX_PATH=${CMAKE_PREFIX_PATH:+$CMAKE_PREFIX_PATH:}$CLANG_PREFIX:$CLANG_PREFIX/x86_64/usr\n"
        'export CMAKE_ARGS="-DCMAKE_AR=$CLANG_PREFIX/bin/llvm-ar -DCMAKE_INSTALL_PREFIX=$CLANG_PREFIX"\n',
        {"CMAKE_PREFIX_PATH": "/opt/x:{prefix}:{prefix}/x86_64/usr", "CLANG_PREFIX": "{prefix}"},
        environ={"CMAKE_PREFIX_PATH": "/opt/x"},
    ),
    "openjdk": Script(
        'export JAVA_HOME_CONDA_BACKUP="${JAVA_HOME:-}"\n'
        'export JAVA_HOME="$CONDA_PREFIX/lib/jvm"\n'
        'export JAVA_LD_LIBRARY_PATH_BACKUP="${JAVA_LD_LIBRARY_PATH:-}" JAVA_LD_LIBRARY_PATH="$JAVA_HOME/lib/server"\n',
        {"JAVA_HOME": "{prefix}/lib/jvm", "JAVA_HOME_CONDA_BACKUP": "/usr/lib/jvm/17"},
        environ={"JAVA_HOME": "/usr/lib/jvm/17"},
    ),
    "r-base": Script(
        "#!/bin/sh\n"
        "# R's own idea of Java, made once and kept beside it.\n"
        'if [ -x "$CONDA_PREFIX/bin/R" ]; then\n'
        '  R() { "$CONDA_PREFIX/bin/R" "$@"; }\n'
        "  R CMD javareconf > /dev/null 2>&1 || true\n"
        "  unset -f R\n"
        "fi\n"
        'export RSTUDIO_WHICH_R="$CONDA_PREFIX/bin/R"\n',
        {"RSTUDIO_WHICH_R": "{prefix}/bin/R"},
    ),
    "go": Script(
        'export CONDA_GOROOT_BACKUP="${GOROOT:-}"\n'
        'export GOROOT="${CONDA_PREFIX}/go"\n'
        "export GOPATH=${GOPATH:-$HOME/go}\n"
        'case ":$PATH:" in *":$GOPATH/bin:"*) ;; *) export PATH="$GOPATH/bin:$PATH" ;; esac\n',
        {"GOROOT": "{prefix}/go", "GOPATH": "/go", "CONDA_GOROOT_BACKUP": "", "PATH": "/go/bin:{prefix}/bin:{system}"},
        environ={"GOPATH": "/go"},
    ),
    "go-cgo": Script(
        "unset CGO_CFLAGS_ALLOW\nexport CGO_ENABLED=1 CGO_CFLAGS=${CFLAGS} CGO_LDFLAGS=${LDFLAGS}\n",
        {"CGO_ENABLED": "1", "CGO_CFLAGS": "-g", "CGO_LDFLAGS": ""},
        environ={"CFLAGS": "-g", "CGO_CFLAGS_ALLOW": ".*"},
    ),
    "rust": Script(
        'export CARGO_HOME="${CARGO_HOME:-$CONDA_PREFIX/.cargo}.$(uname -s | tr A-Z a-z)"\n'
        '[ -d "$CARGO_HOME/bin" ] || mkdir -p "$CARGO_HOME/bin"\n'
        'export PATH="$CARGO_HOME/bin:$PATH" CARGO_TARGET_X86_64_LINKER="${CC:-cc}"\n',
        {"CARGO_HOME": "{prefix}/.cargo.linux", "PATH": "{prefix}/.cargo.linux/bin:{prefix}/bin:{system}"},
    ),
    "ca-certificates": Script(
        'if [ -z "${SSL_CERT_FILE+x}" ] && [ -e "$CONDA_PREFIX/ssl/cacert.pem" ]; then\n'
        '  export SSL_CERT_FILE="$CONDA_PREFIX/ssl/cacert.pem" __CONDA_OPENSSL_CERT_FILE_SET="1"\n'
        "fi\n",
        {"SSL_CERT_FILE": "{prefix}/ssl/cacert.pem", "__CONDA_OPENSSL_CERT_FILE_SET": "1"},
        ("ssl/cacert.pem",),
    ),
    "ocl-icd": Script(
        'if [ -e /etc/OpenCL/vendors ] && [ ! -e "$CONDA_PREFIX/etc/OpenCL/vendors/ocl-icd-system" ]; then :; fi\n'
        "export OCL_ICD_VENDORS=$CONDA_PREFIX/etc/OpenCL/vendors\n",
        {"OCL_ICD_VENDORS": "{prefix}/etc/OpenCL/vendors"},
    ),
    "glib": Script(
        'export GSETTINGS_SCHEMA_DIR_CONDA_BACKUP="${GSETTINGS_SCHEMA_DIR:-}"\n'
        'export GSETTINGS_SCHEMA_DIR="$CONDA_PREFIX/share/glib-2.0/schemas"\n',
        {"GSETTINGS_SCHEMA_DIR": "{prefix}/share/glib-2.0/schemas", "GSETTINGS_SCHEMA_DIR_CONDA_BACKUP": ""},
    ),
    "gdk-pixbuf": Script(
        'loaders=("$CONDA_PREFIX"/lib/gdk-pixbuf-2.0/*/loaders.cache)\n'
        "(( ${#loaders[@]} )) && export GDK_PIXBUF_MODULE_FILE=${loaders[-1]}\n"
        "unset loaders\n",
        {"GDK_PIXBUF_MODULE_FILE": "{prefix}/lib/gdk-pixbuf-2.0/2.10.0/loaders.cache"},
        ("lib/gdk-pixbuf-2.0/2.10.0/loaders.cache",),
    ),
    "fontconfig": Script(
        ': "${FONTCONFIG_PATH:=$CONDA_PREFIX/etc/fonts}"; export FONTCONFIG_PATH\n'
        'export FONTCONFIG_FILE="${FONTCONFIG_PATH%/}/fonts.conf"\n',
        {"FONTCONFIG_FILE": "{prefix}/etc/fonts/fonts.conf"},
    ),
    "arrow": Script(
        # A link is made for a debugger, with whatever is found in the environment.
        '_la_log() { [ "${CF_LIBARROW_ACTIVATE_LOGGING:-}" = 1 ] && echo "$@" || :; }\n'
        'mkdir -p "$CONDA_PREFIX/share/gdb/auto-load"\n'
        "shopt -s nullglob\n"
        'for _la_target in "$CONDA_PREFIX"/lib/*.so; do _la_log "$_la_target"; done\n'
        "shopt -u nullglob\n"
        "unset _la_target; unset -f _la_log\n"
        "export ARROW_SEEN=1\n",
        {"ARROW_SEEN": "1"},
    ),
    "openmpi": Script(
        "export OPAL_PREFIX=$CONDA_PREFIX OMPI_MCA_plm_rsh_agent=''\nexport OMPI_MCA_opal_cuda_support=false\n",
        {"OPAL_PREFIX": "{prefix}", "OMPI_MCA_plm_rsh_agent": "", "OMPI_MCA_opal_cuda_support": "false"},
    ),
    "hdf5-plugins": Script(
        "if [ -z ${HDF5_PLUGIN_PATH+x} ]; then export HDF5_PLUGIN_PATH=$CONDA_PREFIX/hdf5/lib/plugin\n"
        "else export HDF5_PLUGIN_PATH=$CONDA_PREFIX/hdf5/lib/plugin:$HDF5_PLUGIN_PATH; fi\n",
        {"HDF5_PLUGIN_PATH": "{prefix}/hdf5/lib/plugin:/p"},
        environ={"HDF5_PLUGIN_PATH": "/p"},
    ),
    "esmf": Script(
        'export ESMFMKFILE_OLD=$ESMFMKFILE\nexport ESMFMKFILE="${CONDA_PREFIX}/lib/esmf.mk"',  # no newline at its end
        {"ESMFMKFILE": "{prefix}/lib/esmf.mk", "ESMFMKFILE_OLD": ""},
    ),
    "udunits2": Script(
        "export UDUNITS2_XML_PATH=$(cd $CONDA_PREFIX/share/udunits && pwd)/udunits2.xml\n",
        {"UDUNITS2_XML_PATH": "{prefix}/share/udunits/udunits2.xml"},
        ("share/udunits/udunits2.xml",),
    ),
    "grass": Script(
        "pushd $CONDA_PREFIX >/dev/null\n"
        "export GISBASE=$(echo grass8*)\n"
        "export GISBASE=$CONDA_PREFIX/$GISBASE\n"
        "popd >/dev/null\n",
        {"GISBASE": "{prefix}/grass84"},
        ("grass84/VERSION",),
    ),
    "eccodes": Script(
        "export ECCODES_DEFINITION_PATH=$CONDA_PREFIX/share/eccodes/definitions${ECCODES_EXTRA:+:$ECCODES_EXTRA}\n",
        {"ECCODES_DEFINITION_PATH": "{prefix}/share/eccodes/definitions:/extra"},
        environ={"ECCODES_EXTRA": "/extra"},
    ),
    "root": Script(
        # Another script sets everything, and asks where it lies itself.
        '. "${CONDA_PREFIX}/bin/thisroot.sh" >/dev/null\n',
        {"ROOTSYS": "{prefix}", "PYTHON_ROOT": "{prefix}/lib"},
        (
            "bin/thisroot.sh=ROOTSYS=$(cd $(dirname ${BASH_SOURCE[0]})/.. && pwd)\n"
            "export ROOTSYS PYTHON_ROOT=$ROOTSYS/lib\n",
        ),
    ),
    "geant4-data": Script(
        "while read -r name folder; do\n"
        '  export "G4${name}DATA=$CONDA_PREFIX/share/Geant4/data/$folder"\n'
        "done <<'EOF'\n"
        "LEDATA G4EMLOW8.5\n"
        "RADIOACTIVE RadioactiveDecay5.6\n"
        "EOF\n"
        "unset name folder\n",
        {"G4RADIOACTIVEDATA": "{prefix}/share/Geant4/data/RadioactiveDecay5.6"},
    ),
    "spark": Script(
        "export SPARK_HOME=$CONDA_PREFIX/lib/pyspark\n"
        'export PYSPARK_PYTHON="$CONDA_PREFIX/bin/python" PYSPARK_SUBMIT_ARGS="--master \'local[2]\' pyspark-shell"\n',
        {"PYSPARK_SUBMIT_ARGS": "--master 'local[2]' pyspark-shell", "SPARK_HOME": "{prefix}/lib/pyspark"},
    ),
    "julia": Script(
        'export JULIA_DEPOT_PATH="$CONDA_PREFIX/share/julia:$JULIA_DEPOT_PATH"\n'
        'export JULIA_PROJECT="@${CONDA_PREFIX##*/}"\n'
        'export JULIA_LOAD_PATH="@:$JULIA_PROJECT:@stdlib"\n'
        "export JULIA_SSL_CA_ROOTS_PATH_BACKUP=${JULIA_SSL_CA_ROOTS_PATH-}\n",
        {
            "JULIA_DEPOT_PATH": "{prefix}/share/julia:",
            "JULIA_PROJECT": "@prefix",
            "JULIA_LOAD_PATH": "@:@prefix:@stdlib",
        },
    ),
    "nodejs": Script(
        "npm_config_prefix=$CONDA_PREFIX; export npm_config_prefix\nexport NODE_EXTRA_CA_CERTS=${SSL_CERT_FILE:-}\n",
        {"npm_config_prefix": "{prefix}", "NODE_EXTRA_CA_CERTS": ""},
    ),
    "dotnet": Script(
        "export DOTNET_ROOT=$CONDA_PREFIX/lib/dotnet DOTNET_TOOLS=$HOME/.dotnet/tools\nPATH=$PATH:$DOTNET_ROOT/tools\n",
        {"DOTNET_ROOT": "{prefix}/lib/dotnet", "PATH": "{prefix}/bin:{system}:{prefix}/lib/dotnet/tools"},
    ),
    "rdkit": Script(
        "#!/bin/bash\n"
        "export RDBASE=$CONDA_PREFIX/share/RDKit;\n"
        "export PSIDATADIR=`dirname $RDBASE`/psi4 && export PSI_SCRATCH=${TMPDIR:-/tmp}\n",
        {"RDBASE": "{prefix}/share/RDKit", "PSIDATADIR": "{prefix}/share/psi4", "PSI_SCRATCH": "/tmp"},
    ),
    "augustus": Script(
        'if [ -w "$CONDA_PREFIX/config" ]; then export AUGUSTUS_CONFIG_PATH="$CONDA_PREFIX/config/"; fi\n',
        {"AUGUSTUS_CONFIG_PATH": "{prefix}/config/"},
        ("config/species",),
    ),
    "gsl-trap": Script(
        # A private working folder, that a trap of the script's own takes away again.
        'work=$(mktemp -d)\ntrap \'rm -rf "$work"\' RETURN\nexport GSL_SEEN=$(ls "$work" | wc -l)\n',
        {"GSL_SEEN": "0"},
    ),
    "cmake-module-path": Script(
        # Adds a folder once, whatever was there, by a loop over the parts of a path.
        "_old=$IFS; IFS=:; _found=\n"
        'for _part in $CMAKE_MODULE_PATH; do [ "$_part" = "$CONDA_PREFIX/cmake" ] && _found=1; done\n'
        "IFS=$_old\n"
        '[ -n "$_found" ] || export CMAKE_MODULE_PATH="$CMAKE_MODULE_PATH:$CONDA_PREFIX/cmake"\n'
        "unset _old _found _part\n",
        {"CMAKE_MODULE_PATH": "/a:/b c:{prefix}/cmake"},
        environ={"CMAKE_MODULE_PATH": "/a:/b c"},
    ),
    "modules-function": Script(
        # A function for those who type in a shell, which programs get as well.
        'ml() { echo "loads $*"; }\nexport -f ml\nexport MODULESHOME=$CONDA_PREFIX/share/modules\n',
        {"MODULESHOME": "{prefix}/share/modules", "BASH_FUNC_ml%%": '() {  echo "loads $*"\n}'},
    ),
}
