# Arguments of all kinds, as 4.80 and the kernel take them.

use strict;
use warnings;
use Test::More;
use Errno qw(EBADF EINVAL);
use Fcntl;
use lib 't/lib';
use Tester;

use IO::AIO;

# modes, as stat gives them
{
    my $name = put(file('mode'), '');
    chmod 0640, $name or die $!;
    my $mode = (stat $name)[2];
    open my $fh, '+<', $name or die $!;
    chmod 0600, $name or die $!;
    is(of { aio_chmod $name, $mode, $_[0] }, 0, 'chmod with the mode of a file');
    is((stat $name)[2], $mode, 'which it has then');
    chmod 0600, $name or die $!;
    is(of { aio_chmod $fh, $mode, $_[0] }, 0, 'fchmod');
    is((stat $name)[2], $mode, 'the same');
    is(of { aio_mkdir file('modes'), (stat dir)[2], $_[0] }, 0, 'mkdir with the mode of a directory');
    ok(-d file('modes'), 'is there');
    umask 022;
    ok(of { aio_open file('opened'), O_CREAT | O_WRONLY, $mode, $_[0] }, 'open');
    is((stat file('opened'))[2], $mode, 'its mode');
    ok(of { aio_open $name, O_RDONLY, $mode, $_[0] }, 'a mode where nothing is made');
    ok(of { aio_open $name, IO::AIO::O_ASYNC, 0, $_[0] }, 'O_ASYNC');
    is(of { aio_mknod file('plain'), $mode, 0, $_[0] }, 0, 'mknod');
    ok(-f file('plain'), 'a file');
}

# data that are made when they are asked for
{
    package Text;
    use overload '""' => sub { 'x' x 40 . ${$_[0]} }, fallback => 1;
    package Tied;
    sub TIESCALAR { my $n = 0; bless \$n }
    sub FETCH { 'fetched ' . ++${$_[0]} . 'y' x 100 }
    sub STORE { }
}
{
    my ($size, $text) = (0, 'END');
    tie my $tied, 'Tied';
    my @data = (
        [(bless \$text, 'Text'), 'x' x 40 . 'END', 'an object that is text'],
        [qr/abc/, '' . qr/abc/, 'a regular expression'],
        [12345, '12345', 'a number'],
        [1.5, '1.5', 'another'],
        [\substr('0123456789', 2, 5), '23456', 'a part of a string', 1],
        [\$tied, qr/^fetched \d+y{100}$/, 'a tied scalar', 1],
        ["caf\x{e9}\x{100}", undef, 'wide characters'],
    );
    my $array = [1];
    push @data, [$array, "$array", 'a reference'];
    for (@data) {
        my ($data, $expected, $what, $inner) = @$_;
        open my $fh, '+>', file('data') or die $!;
        IO::AIO::max_parallel 1;
        IO::AIO::aio_busy 0.02;    # so that it is still to be done when others use the memory
        my $submit = sub { aio_write $fh, 0, undef, $inner ? $$data : $data, 0, $_[0] };
        if (!defined $expected) {
            raises { $submit->(sub { }) } qr/"data" argument must be byte\/octet-encoded/, $what;
            IO::AIO::flush;
            next;
        }
        my $n;
        $submit->(sub { $n = $_[0] });
        my @others = map { 'z' x (20 + $_) } 1 .. 200;
        IO::AIO::flush;
        is($n, length content(file('data')), "$what: written");
        ref $expected ? like(content(file('data')), $expected, $what) : is(content(file('data')), $expected, $what);
    }
    IO::AIO::max_parallel 8;
    open my $fh, '+>', file('data') or die $!;
    for my $n (0 .. 9) {
        aio_write $fh, $n * 7, undef, "part-" . "0$n", 0, sub { };
    }
    IO::AIO::flush;
    is(content(file('data')), join('', map "part-0$_", 0 .. 9), 'expressions in a loop');
    my @list = (1, 2);
    is(ref \@list, 'ARRAY', 'sane');
    is(ref $array, 'ARRAY', 'a reference stays one');
    is(of { aio_fcntl $fh, 9999, $array, $_[0] }, -1, 'as the argument of fcntl');
    is(ref $array, 'ARRAY', 'too');
    is(of { aio_mtouch +(bless \$text, 'Text'), 0, undef, 0, $_[0] }, 0, 'mtouch of what is text');
    is(of { aio_mtouch 12345, 0, undef, 0, $_[0] }, 0, 'of a number');
}

# reading one argument changes another
{
    package Changes;
    sub value { my ($self) = @_; undef ${$self->{other}}; ${$self->{other}} = 'z' x 100; $self->{value} }
    use overload '""' => \&value, '0+' => \&value, fallback => 1;
}
{
    my $changes = sub { bless {other => $_[0], value => $_[1]}, 'Changes' };
    my $path = put(file('first'), 'data');
    is(of { aio_rename $path, $changes->(\$path, file('second')), $_[0] }, 0, 'the first path is as it was');
    ok(-e file('second'), 'and is renamed');
    $path = file('second');
    is(of { aio_truncate $path, $changes->(\$path, 2), $_[0] }, -1, 'a length is read first');
    is($path, 'z' x 100, 'and has changed the path');
    my $data = 'data ' x 20;
    open my $fh, '+>', file('third') or die $!;
    is(of { aio_write $fh, $changes->(\$data, 0), undef, $data, 0, $_[0] }, 100, 'an offset is read before the data');
    is(content(file('third')), 'z' x 100, 'which it has changed');
}

# errors name the argument
{
    my $wide = "\x{100}";
    my $names = qr/argument must be byte\/octet-encoded/;
    raises { aio_open $wide, 0, 0 } qr/"pathname" $names/, 'open';
    raises { aio_stat $wide } qr/"fh_or_path" $names/, 'stat';
    raises { aio_chmod $wide, 0 } qr/"fh_or_path" $names/, 'chmod';
    raises { aio_link $wide, 'x' } qr/"oldpath" $names/, 'link';
    raises { aio_link 'x', $wide } qr/"newpath" $names/, 'its other argument';
    raises { aio_rename $wide, 'x' } qr/"oldpath" $names/, 'rename';
    raises { aio_rename2 'x', $wide } qr/"newpath" $names/, 'rename2';
    raises { aio_symlink $wide, 'x' } qr/"oldpath" $names/, 'symlink';
    raises { aio_move 'x', $wide } qr/"newpath" $names/, 'move';
    raises { aio_unlink $wide } qr/"pathname" $names/, 'unlink';
}

# numbers that are none
{
    my $name = put(file('times'), '');
    for my $time (1e300, -1e300, 'nan') {
        is(of { aio_utime $name, $time, 1, $_[0] }, -1, "utime $time");
        errno_is(EINVAL, 'EINVAL');
    }
    open my $fh, '<', $name or die $!;
    my @got = of { aio_fiemap $fh, 0, undef, 1 << 30, 0, $_[0] };
    SKIP: {
        skip "fiemap: $!", 1 if $!{EOPNOTSUPP};
        is(scalar(@got), 0, 'the number of extents with unknown flags');
    }
    my $data = '';
    is(of { aio_open $name, 1 << 30, 0, $_[0] }, undef, 'unknown flags of open');
    errno_is(EINVAL, 'EINVAL');
}

# readahead
{
    my $name = put(file('ahead'), 'x' x 100);
    open my $in, '<', $name or die $!;
    open my $out, '>>', $name or die $!;
    pipe my $r, my $w or die $!;
    is(of { aio_readahead $in, -5, 10, $_[0] }, 0, 'readahead before the start');
    is(of { aio_readahead $in, 0, 0, $_[0] }, 0, 'of nothing');
    is(of { aio_readahead $out, 0, 10, $_[0] }, -1, 'of a file for writing');
    errno_is(EBADF, 'EBADF');
    is(of { aio_readahead $r, 0, 10, $_[0] }, -1, 'of a pipe');
    errno_is(EINVAL, 'EINVAL');
}

# paths
{
    my $name = put(file('real'), '');
    symlink 'real', file('to_real') or die $!;
    my $real = of { aio_realpath $name, $_[0] };
    is(of { aio_realpath file($_), $_[0] }, $real, "realpath of $_") for qw(real/ to_real/ to_real/. real//);
    for my $op (qw(rename rmdir)) {
        mkdir file($op) or die $!;
        my $wd = of { aio_wd file($op), $_[0] };
        my $res = $op eq 'rename' ? of { aio_rename [$wd, '.'], file('renamed'), $_[0] } : of { aio_rmdir [$wd, '.'], $_[0] };
        is($res, 0, "$op of . in a directory object is of that directory");
        ok(!-e file($op), 'it has gone');
    }
    ok(-d file('renamed'), 'or has another name');
}

# the flags that readdirx tells
{
    my $dir = file('list');
    mkdir $dir or die $!;
    put("$dir/a", '');
    for my $flags (0, 1, 2, 4, 7, 128) {
        my ($names, $told) = of { aio_readdirx $dir, $flags, $_[0] };
        is($told & ~128, $flags & ~128 | IO::AIO::READDIR_DENTS, "flags $flags come back, with READDIR_DENTS");
        is(ref $names->[0], $flags & 1 ? 'ARRAY' : '', 'entries or names, as they were asked for');
    }
}

done_testing;
