# Whether a configuration is what was wanted: sh check-config.sh WANTED RESULT
set -eu
wrong=0
while read -r line; do
  case $line in
    "# CONFIG_"*" is not set")
      name=${line#"# "}
      name=${name%" is not set"}
      if grep -q "^$name=" "$2"; then
        echo "$name is set, and should not be" >&2
        wrong=1
      fi
      ;;
    CONFIG_*)
      if ! grep -qxF -- "$line" "$2"; then
        echo "$line was wanted, and is not so" >&2
        wrong=1
      fi
      ;;
  esac
done < "$1"
exit "$wrong"
