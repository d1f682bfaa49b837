#!/usr/bin/env bash
# deploy/release.sh STACK VERSION: has ECS run the code of this checkout. The image is built and pushed unless the stack's
# repository has that version; then the stack gets it, and nothing else of the stack changes.
set -euo pipefail
cd "$(dirname "$0")/.."
stack="$1" version="$2"

of_stack() { aws cloudformation describe-stacks --stack-name "$stack" --output text --query "Stacks[0].$1"; }

repository="$(of_stack "Outputs[?OutputKey=='ImageRepository'].OutputValue")"
image="$repository:$version"
aws ecr get-login-password | docker login --username AWS --password-stdin "${repository%%/*}"
if ! docker manifest inspect "$image" >/dev/null 2>&1; then
  docker build --file deploy/Dockerfile --tag "$image" .
  docker push "$image"
fi

others="$(of_stack "Parameters[?ParameterKey!='ImageUri'].join('', ['ParameterKey=', ParameterKey, ',UsePreviousValue=true'])")"
# shellcheck disable=SC2086  # a word for each parameter
aws cloudformation update-stack --stack-name "$stack" --use-previous-template --capabilities CAPABILITY_IAM \
  --parameters $others "ParameterKey=ImageUri,ParameterValue=$image"
aws cloudformation wait stack-update-complete --stack-name "$stack"
